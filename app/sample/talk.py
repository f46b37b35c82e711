"""What was said and looked at: visits of pages and shops, campaigns, questions, complaints, calls and notes."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from app.sample import words
from app.sample.catalogue import FRAGILE, Product
from app.sample.names import dice
from app.sample.people import Contact, Kind
from app.sample.seasons import DAYS, ZONE, Campaign, campaigns, moment
from app.sample.trade import Sale

SERVICE, MARKETING = "user-service-1", "user-marketing-1"
_SENT_BY = {"email": "email", "sms": "custom", "wecom": "chat"}
"""How a campaign's way shows as a kind of interaction."""


@dataclass
class _Talk:
    """Collects what happened, and forgets what would lie beyond the end."""

    chance: Random
    start: date
    now: datetime
    products: Mapping[str, Product]
    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, at: datetime, contact: Contact | None, **more: Any) -> None:
        """One interaction; values of None are left out."""
        if at >= self.now:
            return
        wire = {"kind": kind, "at": at.isoformat()} | {k: v for k, v in more.items() if v is not None}
        if contact is not None:
            wire["contact_id"] = contact.id
            if contact.company:
                wire["company_id"] = contact.company.id
        self.found.append(wire)

    def pages(self, at: datetime, contact: Contact, seen: Sequence[str], campaign: str | None = None) -> None:
        """One session: product pages, a minute or so apart."""
        session = f"s-{self.chance.getrandbits(40):010x}"
        for product in seen:
            self.add(
                "page_view", at, contact,
                channel="wechat" if contact.channel == "wechat" else "web", direction="inbound", session=session,
                page=f"/products/{self.products[product].sku.lower()}", product_id=product,
                duration_seconds=int(self.chance.expovariate(1 / 50)) + 3, campaign=campaign,
            )  # fmt: skip
            at += timedelta(seconds=self.chance.randint(20, 200))

    def call(self, at: datetime, contact: Contact, subject: str, *, inbound: bool, owner: str | None) -> None:
        """A conversation by telephone."""
        self.add(
            "call", at, contact, channel="phone", direction="inbound" if inbound else "outbound",
            duration_seconds=int(self.chance.lognormvariate(5, 0.8)), subject=subject, owner_id=owner,
        )  # fmt: skip


def interactions(
    seed: int,
    end: date,
    *,
    everybody: Sequence[Contact],
    sales: Sequence[Sale],
    products: Sequence[Product],
    consents: Mapping[str, Sequence[Mapping[str, Any]]],
) -> list[dict[str, Any]]:
    """All interactions on the wire, the oldest first."""
    start = end - timedelta(days=DAYS)
    now = datetime.combine(end, time(0), tzinfo=ZONE)
    talk = _Talk(dice(seed, "interactions"), start, now, {p.id: p for p in products})
    bought: dict[str, list[Sale]] = {}
    for sale in sales:
        bought.setdefault(sale.contact.id, []).append(sale)
    for sale in sales:
        _around(talk, sale)
    for campaign in campaigns(start):
        _push(talk, campaign, everybody, bought, consents)
    for contact in everybody:
        if contact.id in bought:
            _account(talk, contact, bought[contact.id])
        else:
            _courtship(talk, contact)
    talk.found.sort(key=lambda wire: (wire["at"], wire.get("contact_id", "")))
    for number, wire in enumerate(talk.found, start=1):
        wire["external_ids"] = {"sample": f"interaction-{number:05}"}
    return talk.found


def _around(talk: _Talk, sale: Sale) -> None:
    """Before and after an order."""
    chance, contact, channel = talk.chance, sale.contact, sale.wire["channel"]
    if channel in {"web", "wechat"} and chance.random() < 0.55:
        others = chance.choices(tuple(talk.products), k=chance.randint(0, 1))
        seen = [p for p in (*others, *sale.products[:2]) if p]
        talk.pages(sale.at - timedelta(minutes=chance.randint(8, 1500)), contact, seen)
    elif channel == "store":
        talk.add(
            "visit",
            sale.at - timedelta(minutes=chance.randint(5, 40)),
            contact,
            channel="store",
            direction="inbound",
        )
    elif channel == "phone":
        talk.call(sale.at - timedelta(minutes=12), contact, "电话下单", inbound=True, owner=contact.owner)
    if channel == "wechat" and chance.random() < 0.3:
        talk.add(
            "app",
            sale.at - timedelta(minutes=3),
            contact,
            channel="wechat",
            direction="inbound",
            subject="小程序下单",
        )
    shipped = sale.wire.get("shipped_at")
    if shipped and channel != "store":
        _after(talk, sale, datetime.fromisoformat(shipped))


def _after(talk: _Talk, sale: Sale, shipped: datetime) -> None:
    chance, contact = talk.chance, sale.contact
    arrived = shipped + timedelta(hours=chance.randint(20, 90))
    fragile = FRAGILE in sale.products
    # A refund has its reason; the fragile product gives more of them than all the others together.
    if chance.random() < (0.38 if fragile else 0.35 if "refunded" in sale.wire else 0.006):
        about = FRAGILE if fragile else chance.choice(sale.products)
        name = talk.products[about].name
        texts = words.BROKEN if fragile else words.COMPLAINTS
        talk.add(
            "complaint", arrived, contact, channel=chance.choice(("wechat", "phone", "email")), direction="inbound",
            subject=f"投诉：{name}", body=words.say(chance, texts, contact.language, name),
            product_id=about, owner_id=SERVICE, tags=["投诉"],
        )  # fmt: skip
        reply = arrived + timedelta(hours=chance.randint(1, 40))
        talk.call(reply, contact, "回访：处理投诉", inbound=False, owner=SERVICE)
    elif chance.random() < 0.16:
        name = talk.products[sale.products[0]].name
        talk.add(
            "chat", arrived, contact, channel="wechat" if contact.language == "zh" else "email", direction="inbound",
            subject="评价", body=words.say(chance, words.PRAISE, contact.language, name), product_id=sale.products[0],
        )  # fmt: skip
    elif chance.random() < 0.1:
        asked = shipped - timedelta(hours=2)
        text = words.say(chance, words.QUESTIONS, contact.language, sale.wire["number"])
        talk.add(
            "chat",
            asked,
            contact,
            channel="wechat",
            direction="inbound",
            subject="订单咨询",
            body=text,
            owner_id=SERVICE,
        )


def _granted(consents: Sequence[Mapping[str, Any]], at: datetime) -> list[str]:
    return [
        one["channel"]
        for one in consents
        if one["purpose"] == "marketing"
        and one["state"] == "granted"
        and datetime.fromisoformat(one["at"]) < at
    ]


def _push(
    talk: _Talk,
    campaign: Campaign,
    everybody: Sequence[Contact],
    bought: Mapping[str, Sequence[Sale]],
    consents: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """A campaign: sent to half of those who agreed, and more often followed by a visit where an order came of it."""
    chance = talk.chance
    first = (campaign.first - talk.start).days
    about = [p.id for p in talk.products.values() if p.category in campaign.products]
    for contact in everybody:
        at = moment(chance, talk.start, first, office=True)
        ways = _granted(consents.get(contact.id, ()), at)
        if not ways or chance.random() < 0.4:
            continue
        way = chance.choice(ways)
        talk.add(
            _SENT_BY[way], at, contact, channel=way, direction="outbound",
            subject=campaign.subject, campaign=campaign.name, owner_id=MARKETING,
        )  # fmt: skip
        days = [sale.day for sale in bought.get(contact.id, ())]
        nth = bisect_right(days, first)
        sale = bought[contact.id][nth] if nth < len(days) and days[nth] < first + campaign.days else None
        if sale is not None and chance.random() < 0.6:
            talk.pages(
                sale.at - timedelta(hours=chance.randint(1, 30)), contact, [sale.products[0]], campaign.name
            )
        elif chance.random() < 0.07:
            day = first + chance.randrange(campaign.days)
            talk.pages(moment(chance, talk.start, day), contact, chance.sample(about, 2), campaign.name)


def _account(talk: _Talk, contact: Contact, bought: Sequence[Sale]) -> None:
    """What lies between the orders of a customer."""
    chance = talk.chance
    for sale, after in pairwise(bought):
        gap = after.day - sale.day
        # The longer somebody stays away, the less they look in.
        if gap > 10 and chance.random() < min(0.35, 16 / gap):
            day = sale.day + chance.randint(3, gap - 2)
            talk.pages(moment(chance, talk.start, day), contact, chance.choices(tuple(talk.products), k=2))
    if contact.kind is Kind.WHOLESALE:
        _care(talk, contact, bought)
    elif contact.kind is Kind.LAPSED and chance.random() < 0.3:
        talk.call(moment(chance, talk.start, min(bought[-1].day + 150, DAYS - 1), office=True), contact,
                  "老客户回访", inbound=False, owner=contact.owner)  # fmt: skip
    if chance.random() < 0.12:
        day = bought[0].day + chance.randint(1, 60)
        text = chance.choice(words.NOTES)
        talk.add(
            "note",
            moment(chance, talk.start, day, office=True),
            contact,
            direction="internal",
            body=text,
            owner_id=contact.owner,
        )
    if contact.language == "zh" and chance.random() < 0.2:
        day = chance.randint(bought[0].day, DAYS - 1)
        at = moment(chance, talk.start, day)
        talk.add(
            "social", at, contact, channel="wechat", direction="inbound", subject=chance.choice(words.SOCIAL)
        )


def _care(talk: _Talk, contact: Contact, bought: Sequence[Sale]) -> None:
    """A salesman looks after a wholesaler about every five weeks, and no more when the orders have stopped for long."""
    chance, day = talk.chance, bought[0].day - 20
    while (day := day + chance.randint(22, 48)) < min(bought[-1].day + 120, DAYS):
        at = moment(chance, talk.start, max(day, 0), office=True)
        match chance.choices(("call", "visit", "meeting", "email"), (5, 2, 2, 3))[0]:
            case "call":
                talk.call(at, contact, chance.choice(words.CARE), inbound=False, owner=contact.owner)
            case kind:
                talk.add(
                    kind, at, contact, channel="email" if kind == "email" else "visit", direction="outbound",
                    duration_seconds=None if kind == "email" else 60 * chance.randint(20, 120),
                    subject=chance.choice(words.CARE), owner_id=contact.owner,
                )  # fmt: skip


def _courtship(talk: _Talk, contact: Contact) -> None:
    """Somebody who has not bought: many looks, and a salesman for the promising ones."""
    chance = talk.chance
    day = int(DAYS * chance.random() ** 0.6)
    if contact.channel == "exhibition":
        at = moment(chance, talk.start, day, office=True)
        talk.add(
            "meeting",
            at,
            contact,
            channel="exhibition",
            direction="inbound",
            subject=chance.choice(words.FAIRS),
            owner_id=contact.owner,
        )
    for at in _looks(chance, talk.start, day, 5 if contact.kind is Kind.PROSPECT else 2):
        talk.pages(at, contact, chance.choices(tuple(talk.products), k=chance.randint(1, 3)))
    if contact.kind is Kind.PROSPECT:
        for at in _looks(chance, talk.start, day, 3):
            if chance.random() < 0.6:
                talk.call(at, contact, chance.choice(words.COURT), inbound=False, owner=contact.owner)
            else:
                talk.add(
                    "email",
                    at,
                    contact,
                    channel="email",
                    direction="outbound",
                    subject=chance.choice(words.COURT),
                    owner_id=contact.owner,
                )


def _looks(chance: Random, start: date, day: int, about: int) -> Iterator[datetime]:
    for _ in range(chance.randint(1, 2 * about)):
        if day >= DAYS:
            return
        yield moment(chance, start, day)
        day += chance.randint(2, 35)
