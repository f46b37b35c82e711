"""Hailan Tea (海蓝茶业): two years of a shop in Shenzhen that sells tea and gifts, to people and to companies.

The same seed and end make the same world, whatever the machine and the day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.sample import catalogue, deals, people, talk, trade
from app.sample.names import dice
from app.sample.people import Contact, Kind
from app.sample.seasons import DAYS
from app.sample.trade import RATES, Sale

SEED = 20_240_917
FIRST, LAST = "team-south", "interaction-last"
"""The external ids of the first record that is loaded and of the last, whatever the seed."""
LAPSED_AFTER = 240
"""Days without an order after which the shop calls a customer lapsed."""
_VIP = Decimal(6000)
Wire = dict[str, Any]


@dataclass(frozen=True)
class World:
    """Everything on the wire, where a field that ends in _id holds the external id of what it points to."""

    end: date
    """The first day that is not told of any more; days are those of Shanghai."""
    tags: list[Wire]
    rates: list[Wire]
    teams: list[Wire]
    users: list[Wire]
    """With the name of their role under "role"."""
    companies: list[Wire]
    products: list[Wire]
    contacts: list[Wire]
    consents: Mapping[str, list[Wire]]
    """By the contact's external id."""
    orders: list[Wire]
    deals: list[Wire]
    quotas: list[Wire]
    interactions: list[Wire]
    kinds: Mapping[str, Kind]
    """The truth about each contact, by external id, for those who test analytics; it is loaded nowhere."""
    doubles: Mapping[str, str]
    """The external id of each duplicate to that of the contact it repeats; it is loaded nowhere."""


TAGS = {
    "vip": ("#b8860b", "两年内消费较高的客户"),
    "批发": ("#2f6f4f", "按批发价供货"),
    "企业礼品": ("#8e44ad", "为公司采购礼品"),
    "展会": ("#2c7fb8", "在展会上认识"),
    "海外": ("#d95f0e", "中国大陆以外"),
    "会员": ("#c0392b", "复购三次以上"),
    "投诉": ("#e31a1c", "投诉记录"),
    "季节限定": ("#e6ab02", "只在节前销售"),
    "易碎": ("#666666", "需要加固包装"),
}
_TEAMS = {"team-south": "华南销售部", "team-export": "华东与海外销售部"}
_USERS = (
    ("user-sales-1", "陈晓燕", "sales", "team-south"),
    ("user-sales-2", "梁志强", "sales", "team-south"),
    ("user-sales-3", "沈佳怡", "sales", "team-export"),
    ("user-sales-4", "Oliver Grant", "sales", "team-export"),
    ("user-marketing-1", "林诗涵", "marketing", None),
    ("user-service-1", "何文静", "service", None),
)


def build(end: date, seed: int = SEED) -> World:
    """The two years before the end."""
    products = catalogue.catalogue(seed)
    firms = people.companies(seed)
    everybody = people.contacts(seed, end, firms)
    sales = trade.sales(seed, end, everybody, products)
    consents = people.consents(seed, end, everybody)
    doubles = people.duplicates(seed, everybody)
    bought: dict[str, list[Sale]] = {}
    for sale in sales:
        bought.setdefault(sale.contact.id, []).append(sale)
    said = talk.interactions(
        seed, end, everybody=everybody, sales=sales, products=products, consents=consents
    )
    return World(
        end=end,
        tags=[{"name": name, "colour": colour, "description": text} for name, (colour, text) in TAGS.items()],
        rates=list(_rates(seed, end)),
        teams=[{"name": name, "external_ids": {"sample": id_}} for id_, name in _TEAMS.items()],
        users=[_user(*user) for user in _USERS],
        companies=[firm.wire for firm in firms],
        products=[product.wire() for product in products],
        contacts=[_finished(one, bought.get(one.id, ())) for one in everybody]
        + [wire for wire, _ in doubles.values()],
        consents=consents,
        orders=[sale.wire for sale in sales],
        deals=deals.deals(seed, end, everybody, products),
        quotas=list(deals.quotas(end)),
        interactions=[*said, _closing(end)],
        kinds={contact.id: contact.kind for contact in everybody},
        doubles={id_: original for id_, (_, original) in doubles.items()},
    )


def _user(id_: str, name: str, role: str, team: str | None) -> Wire:
    email = f"{id_.removeprefix('user-')}@hailan.example"
    return {"name": name, "email": email, "role": role, "team_id": team, "external_ids": {"sample": id_}}


def _closing(end: date) -> Wire:
    at = f"{(end - timedelta(days=1)).isoformat()}T23:59:59+08:00"
    wire: Wire = {
        "kind": "note",
        "at": at,
        "direction": "internal",
        "body": "海蓝茶业是虚构的公司，样例数据到此为止。",
    }
    return wire | {"owner_id": "user-service-1", "external_ids": {"sample": LAST}}


def _rates(seed: int, end: date) -> Sequence[Wire]:
    """A rate for every month and currency, wandering about the one that prices were made with."""
    chance = dice(seed, "rates")
    found = []
    for currency, rate in RATES.items():
        now = rate
        day = (end - timedelta(days=DAYS)).replace(day=1)
        while day < end:
            exact = now.quantize(Decimal("0.000001"), ROUND_HALF_UP)
            found.append(
                {"currency": currency, "base": "CNY", "on_date": day.isoformat(), "rate": str(exact)}
            )
            now += (rate - now) / 4 + rate * Decimal(chance.randint(-120, 120)) / 10_000
            day = (day + timedelta(days=32)).replace(day=1)
    return found


def _finished(contact: Contact, bought: Sequence[Sale]) -> Wire:
    """The contact with its stage and tags, which follow from what was bought."""
    kept = [sale for sale in bought if "cancelled_at" not in sale.wire]
    if not kept:
        stage = "prospect" if bought or contact.kind is Kind.PROSPECT else "lead"
    else:
        stage = "customer" if DAYS - kept[-1].day <= LAPSED_AFTER else "lapsed"
    spent = sum(
        (Decimal(sale.wire["total"]) * RATES.get(sale.wire["currency"], Decimal(1)) for sale in kept),
        Decimal(0),
    )
    told = {
        "vip": contact.kind is not Kind.WHOLESALE and spent > _VIP,
        "批发": contact.kind is Kind.WHOLESALE,
        "企业礼品": contact.company is not None and contact.kind not in {Kind.WHOLESALE, Kind.LEAD},
        "展会": contact.channel == "exhibition",
        "海外": contact.language != "zh",
        "会员": contact.kind is not Kind.WHOLESALE and len(kept) > 3,
    }
    return contact.wire | {"stage": stage, "tags": [tag for tag, true in told.items() if true]}
