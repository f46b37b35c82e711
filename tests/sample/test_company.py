import hashlib
import os
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import NAMESPACE_OID, uuid5

import pytest
from pydantic import BaseModel

from app.domain.orders import OrderStatus, status_of, totals
from app.kit import emails, json, phones
from app.sample import deals
from app.sample.catalogue import FRAGILE
from app.sample.company import FIRST, LAPSED_AFTER, LAST, TAGS, World, build
from app.sample.load import resolved
from app.sample.people import SALES, Kind
from app.sample.seasons import DAYS, ZONE, mid_autumn, spring_festival
from app.schemas.companies import CompanyUpsert
from app.schemas.contacts import Consent, ContactUpsert
from app.schemas.deals import DealUpsert
from app.schemas.exchange_rates import ExchangeRateAdd
from app.schemas.interactions import InteractionUpsert
from app.schemas.orders import OrderUpsert
from app.schemas.products import ProductUpsert
from app.schemas.quotas import QuotaUpsert
from app.schemas.tags import TagAdd

END = date(2026, 11, 21)
LISTS = ("teams", "users", "companies", "products", "contacts", "orders", "deals", "quotas", "interactions")


@pytest.fixture(scope="module")
def world() -> World:
    return build(END)


def name_of(wire):
    return wire["external_ids"]["sample"]


def fingerprint(world: World) -> str:
    parts = [getattr(world, name) for name in (*LISTS, "tags", "rates", "consents")]
    return hashlib.sha256(json.dumps(parts)).hexdigest()


def orders_by_contact(world: World):
    found = defaultdict(list)
    for order in world.orders:
        found[order["contact_id"]].append(datetime.fromisoformat(order["placed_at"]))
    return found


def orders_by_day(world: World):
    return Counter(datetime.fromisoformat(order["placed_at"]).date() for order in world.orders)


def test_the_same_seed_and_end_make_the_same_world_in_another_process(world):
    code = (
        "from datetime import date; from app.sample.company import build;"
        "from tests.sample.test_company import fingerprint; print(fingerprint(build(date(2026, 11, 21))))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.strip() == fingerprint(world)


def test_another_seed_makes_another_world(world):
    assert fingerprint(build(END, seed=1)) != fingerprint(world)


def test_the_company_is_of_the_announced_size(world):
    assert [len(getattr(world, name)) for name in ("companies", "products", "contacts")] == [300, 120, 2000]
    assert 5_500 < len(world.orders) < 7_000
    assert 13_500 < sum(len(order["lines"]) for order in world.orders) < 17_000
    assert 18_000 < len(world.interactions) < 24_000
    assert len({product["category"] for product in world.products}) == 10


def test_every_record_is_what_its_shape_takes_and_points_to_what_is_there(world):
    ids = {name_of(one): uuid5(NAMESPACE_OID, name_of(one)) for name in LISTS for one in getattr(world, name)}
    ids[deals.PIPELINE] = uuid5(NAMESPACE_OID, deals.PIPELINE)
    assert len(ids) == 1 + sum(len(getattr(world, name)) for name in LISTS)
    shapes: dict[str, type[BaseModel]] = {
        "companies": CompanyUpsert,
        "products": ProductUpsert,
        "contacts": ContactUpsert,
        "orders": OrderUpsert,
        "deals": DealUpsert,
        "quotas": QuotaUpsert,
        "interactions": InteractionUpsert,
    }
    for name, shape in shapes.items():
        for one in getattr(world, name):
            shape.model_validate(resolved(one, ids))
    for user in world.users:
        resolved(user, ids)
    for tag in world.tags:
        TagAdd.model_validate(tag)
    for rate in world.rates:
        ExchangeRateAdd.model_validate(rate)
    for contact, said in world.consents.items():
        assert contact in ids
        for one in said:
            Consent.model_validate(one)


def test_the_first_and_the_last_record_bear_the_names_that_a_load_looks_for(world):
    assert name_of(world.teams[0]) == FIRST
    assert name_of(world.interactions[-1]) == LAST


def test_a_branch_comes_after_the_company_above_it(world):
    seen = set()
    branches = 0
    for company in world.companies:
        if "parent_id" in company:
            branches += 1
            assert company["parent_id"] in seen
        seen.add(name_of(company))
    assert branches > 5


def test_every_total_is_what_its_lines_come_to_and_no_amount_is_a_float(world):
    for order in world.orders:
        discount, tax = Decimal(order.get("discount", "0")), Decimal(order.get("tax", "0"))
        lines = [
            {
                name: Decimal(value)
                for name, value in line.items()
                if name in {"quantity", "unit_price", "discount"}
            }
            for line in order["lines"]
        ]
        assert isinstance(order["total"], str)
        assert totals(lines, discount, tax).total == Decimal(order["total"])
        assert Decimal(order.get("refunded", "0")) <= Decimal(order["total"])
        if order["currency"] == "JPY":
            assert Decimal(order["total"]) == int(Decimal(order["total"]))


@pytest.mark.parametrize("end", [END, date(2024, 2, 29), date(2041, 7, 15)])
def test_nothing_happens_after_the_end_or_before_the_start(end):
    world = build(end)
    first = datetime(end.year, end.month, end.day, tzinfo=ZONE) - timedelta(days=DAYS)
    last = first + timedelta(days=DAYS)
    names = ("placed_at", "paid_at", "shipped_at", "refunded_at", "cancelled_at")
    for order in world.orders:
        told = [datetime.fromisoformat(order[name]) for name in names if name in order]
        assert first <= min(told) == datetime.fromisoformat(order["placed_at"])
        assert max(told) < last
        assert ("refunded" in order) == ("refunded_at" in order)
    # A look at the pages may come a day before the very first order.
    whens = [datetime.fromisoformat(one["at"]) for one in world.interactions]
    assert first - timedelta(days=2) < min(whens)
    assert max(whens) < last
    said = [datetime.fromisoformat(one["at"]) for words in world.consents.values() for one in words]
    assert max(said) < last


def test_orders_stand_in_every_status_and_some_are_overdue(world):
    now = datetime(END.year, END.month, END.day, tzinfo=ZONE)
    counts = Counter(
        status_of(
            {**order, "total": Decimal(order["total"]), "refunded": Decimal(order.get("refunded", "0"))}
        )
        for order in world.orders
    )
    assert set(counts) == set(OrderStatus)
    assert counts[OrderStatus.SHIPPED] > len(world.orders) * 0.8
    overdue = [
        order
        for order in world.orders
        if "due_on" in order
        and not {"paid_at", "cancelled_at"} & order.keys()
        and date.fromisoformat(order["due_on"]) < now.date()
    ]
    assert 10 < len(overdue) < 200


def test_festivals_and_sales_stand_out_in_the_orders(world):
    days = orders_by_day(world)
    start = END - timedelta(days=DAYS)
    usual = statistics.median(days[start + timedelta(days=n)] for n in range(DAYS))

    def mean(first: date, count: int) -> float:
        return statistics.mean(days[first + timedelta(days=n)] for n in range(count))

    for year in (2025, 2026):
        assert days[date(year, 11, 11)] > 3 * usual
        before = mean(mid_autumn(year) - timedelta(days=20), 20)
        assert before > 1.5 * mean(mid_autumn(year) + timedelta(days=3), 20)
        # The shop grows, so a festival is held against the weeks around it.
        festival = spring_festival(year)
        assert mean(festival - timedelta(days=26), 20) > 2 * mean(festival, 8)


def test_moon_gifts_sell_before_the_moon_festival(world):
    category = {name_of(product): product["category"] for product in world.products}
    near = total = 0
    for order in world.orders:
        day = datetime.fromisoformat(order["placed_at"]).date()
        for line in order["lines"]:
            if category.get(line.get("product_id")) == "中秋礼盒":
                total += 1
                near += 0 <= (mid_autumn(day.year) - day).days <= 35
    assert near / total > 0.8


def test_gaps_grow_before_people_lapse_and_shrink_where_they_buy_more(world):
    def trend(kind: Kind) -> float:
        ratios = []
        for contact, placed in orders_by_contact(world).items():
            gaps = [max((b - a).days, 1) for a, b in pairwise(placed)]
            if world.kinds[contact] is kind and len(gaps) > 1:
                ratios += [b / a for a, b in pairwise(gaps)]
        return statistics.geometric_mean(ratios)

    assert trend(Kind.LAPSED) > 1.1
    assert 0.85 < trend(Kind.LOYAL) < 1.1
    assert trend(Kind.GROWING) < 0.93


def test_every_kind_of_customer_buys_as_its_name_says(world):
    placed = orders_by_contact(world)
    counts = defaultdict(list)
    for contact, kind in world.kinds.items():
        counts[kind].append(len(placed.get(contact, ())))
    assert set(counts[Kind.LEAD] + counts[Kind.PROSPECT]) == {0}
    assert set(counts[Kind.ONE_OFF]) == {1}
    assert statistics.mean(counts[Kind.LOYAL]) > 6
    spent = defaultdict(list)
    for order in world.orders:
        if order["currency"] == "CNY":
            spent[world.kinds[order["contact_id"]]].append(Decimal(order["total"]))
    assert statistics.median(spent[Kind.WHOLESALE]) > 5 * statistics.median(spent[Kind.LOYAL])


def test_stages_follow_from_the_orders(world):
    last = {}
    for order in world.orders:
        if "cancelled_at" not in order:
            last[order["contact_id"]] = datetime.fromisoformat(order["placed_at"]).date()
    for contact in world.contacts:
        bought = last.get(name_of(contact))
        if bought is None:
            assert contact["stage"] in {"lead", "prospect"}
        else:
            assert contact["stage"] == ("customer" if (END - bought).days <= LAPSED_AFTER else "lapsed")
    assert set(TAGS) >= {tag for contact in world.contacts for tag in contact.get("tags", ())}


def test_deals_stand_in_every_stage_and_about_a_third_of_the_closed_ones_are_won(world):
    last = Counter(deal["steps"][-1]["stage"] for deal in world.deals)
    opening = ("lead", "qualified", "solution", "proposal", "negotiation")
    assert all(last[stage] for stage in (*opening, "won", "lost"))
    assert 0.2 < last["won"] / (last["won"] + last["lost"]) < 0.45
    end = datetime(END.year, END.month, END.day, tzinfo=ZONE)
    for deal in world.deals:
        told = [datetime.fromisoformat(step["at"]) for step in deal["steps"]]
        assert end - timedelta(days=DAYS) <= told[0]
        assert told == sorted(told)
        assert told[-1] < end


def test_most_complaints_are_about_the_product_that_breaks(world):
    about = Counter(one["product_id"] for one in world.interactions if one["kind"] == "complaint")
    assert about.most_common(1)[0][0] == FRAGILE
    assert about[FRAGILE] > 10 * about.most_common(2)[1][1]


def test_campaigns_bring_in_orders_and_reach_only_those_who_agreed(world):
    sent, looked = defaultdict(set), defaultdict(list)
    for one in world.interactions:
        if "campaign" in one and one["direction"] == "outbound":
            sent[one["campaign"]].add(one["contact_id"])
            assert any(
                c["state"] == "granted" and c["channel"] == one["channel"] and c["at"] < one["at"]
                for c in world.consents[one["contact_id"]]
            )
        elif "campaign" in one:
            looked[one["campaign"]].append((one["contact_id"], datetime.fromisoformat(one["at"])))
    assert len(sent) >= 8
    placed = orders_by_contact(world)
    for campaign, looks in looked.items():
        assert {contact for contact, _ in looks} <= sent[campaign]
    soon = [
        any(timedelta(0) < order - at < timedelta(days=2) for order in placed.get(contact, ()))
        for looks in looked.values()
        for contact, at in looks
    ]
    assert 0.15 < statistics.mean(soon) < 0.9


def test_most_numbers_are_telephone_numbers_and_a_few_are_not(world):
    typed = [phone["number"] for contact in world.contacts for phone in contact.get("phones", ())]
    valid = statistics.mean(phones.e164(number, "CN") is not None for number in typed)
    assert 0.95 < valid < 1


def test_no_address_can_be_delivered_to(world):
    typed = [email["address"] for contact in world.contacts for email in contact.get("emails", ())]
    assert all(address.lower().endswith(".example") for address in typed)
    assert 0.98 < statistics.mean(emails.normalised(address) is not None for address in typed) < 1


def test_duplicates_share_the_number_and_differ_in_name(world):
    by_name = {name_of(contact): contact for contact in world.contacts}
    assert len(world.doubles) == 30
    for double, original in world.doubles.items():
        one, other = by_name[double], by_name[original]
        assert one["name"] != other["name"]
        numbers = [phones.e164(c["phones"][0]["number"], "CN") for c in (one, other)]
        assert numbers[0] is not None
        assert numbers[0] == numbers[1]


def test_sales_users_share_the_customers_evenly(world):
    owners = Counter(contact.get("owner_id") for contact in world.contacts)
    assert all(owners[user] > 200 for user in SALES)
    assert set(owners) == {*SALES, None}
