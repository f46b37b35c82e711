"""Attainment, against the same counted by hand from what was sent; and who is told of whose."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY

Body = dict[str, Any]
ZERO = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=8)
"""The first midnight of the year in Shanghai."""
QUARTER = ("2026-01-01", "2026-03-31", ZERO, ZERO + timedelta(days=90))
JANUARY = ("2026-01-01", "2026-01-31", ZERO, ZERO + timedelta(days=31))
RATES = {"CNY": Decimal(1), "USD": Decimal(7), "EUR": None}
LINE: Body = {
    "name": "Quick",
    "stages": [
        {"key": "a", "name": "A", "kind": "open", "probability": "0.2"},
        {"key": "won", "name": "Won", "kind": "won", "probability": "1"},
        {"key": "lost", "name": "Lost", "kind": "lost", "probability": "0"},
    ],
    "moves": {"forward": 1, "reopened": ["a"]},
}


async def sent(org: Organisation, url: str, body: Body) -> Body:
    """What was made."""
    answer = await org.admin.post(f"/v1/{url}", json=body, headers=ANY)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


async def attained(client: Any, **params: str) -> Body:
    """The answer, by the id of the quota."""
    answer = await client.get("/v1/analytics/sales/attainment", params={"on": "2026-01-15"} | params)
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["data"]}


async def counted(org: Organisation, quota: str, as_of: datetime) -> list[str]:
    """The deals behind a quota, page by page."""
    found: list[str] = []
    params: dict[str, Any] = {"limit": 7, "as_of": as_of.isoformat()}
    while True:
        answer = await org.admin.get(f"/v1/analytics/sales/attainment/{quota}/deals", params=params)
        assert answer.status_code == 200, answer.text
        found += [one["id"] for one in answer.json()["data"]]
        if answer.json()["next"] is None:
            return found
        params = {"limit": 7, "cursor": answer.json()["next"]}


def history(chance: random.Random) -> list[Body]:
    """Opened, and perhaps won, lost, and opened again."""
    at, here = ZERO + timedelta(hours=chance.randrange(-200, 2000)), "a"
    steps: list[Body] = [{"stage": "a", "at": at.isoformat()}]
    for _ in range(chance.randrange(4)):
        at += timedelta(hours=chance.choice([0, 1, 100, 500]))
        here = chance.choice(["won", "won", "lost"]) if here == "a" else "a"
        steps.append({"stage": here, "at": at.isoformat()} | ({"reason": "x"} if here == "lost" else {}))
    return steps


def by_hand(
    quota: Body, members: set[str] | None, deals: list[Body], as_of: datetime
) -> tuple[Decimal, int, set[str]]:
    """What has come of a quota, how many wins had no rate, and the deals that count."""
    total, unconverted, behind = Decimal(0), 0, set()
    since, until = quota["window"]
    for deal in deals:
        past = [step for step in deal["steps"] if datetime.fromisoformat(step["at"]) <= as_of]
        if not past:
            continue
        opened = quota["measure"] == "opened_deals"
        if not opened and past[-1]["stage"] != "won":
            continue
        if not since <= datetime.fromisoformat(past[0 if opened else -1]["at"]) < until:
            continue
        credit = deal["credit"] or {deal["owner_id"]: Decimal(100)}
        parts = [share / 100 for who, share in credit.items() if members is None or who in members]
        behind |= {deal["id"]} if parts else set()
        if quota["measure"] == "won_amount":
            theirs, mine = RATES[deal["currency"]], RATES[quota["currency"]]
            if deal["currency"] == quota["currency"]:
                theirs = mine = Decimal(1)
            if theirs is None or mine is None:
                unconverted += bool(parts)
                continue
            total += sum(Decimal(deal["amount"]) * part * theirs / mine for part in parts)
        else:
            total += sum(parts, Decimal(0))
    return total, unconverted, behind


async def credited(org: Organisation, deal: str, between: list[str]) -> dict[str, Decimal] | None:
    """Whose success a deal is, in per cent, once it is split between the first and the last of some."""
    kept = (await org.admin.get(f"/v1/deals/{deal}")).json()
    if between:
        shares = [{"user_id": between[0], "share": "60"}, {"user_id": between[-1], "share": "40"}]
        kept = await sent(org, f"deals/{deal}/split", {"credit": shares})
    return {each["user_id"]: Decimal(each["share"]) for each in kept["credit"] or ()} or None


def kind(quota: Body) -> tuple[Any, ...]:
    """Whether a quota is of a person, or of a team; and its days."""
    return quota["user_id"] is None, quota["team_id"] is None, quota["begins_on"], quota["ends_on"]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_attainment_is_what_counting_by_hand_gives(org: Organisation, seed: int):
    chance = random.Random(seed)
    await sent(org, "pipelines", LINE)
    for rate, on in (("6", "2025-06-01"), ("7", "2025-12-01")):
        await sent(org, "exchange_rates", {"currency": "USD", "base": "CNY", "on_date": on, "rate": rate})
    north = await org.team("North")
    teams = {"north": north, "city": await org.team("City", north), "south": await org.team("South")}
    people = {name: str((await org.user(name, "sales", team=team))[0]) for name, team in teams.items()}
    everybody = [*people.values()]
    deals: list[Body] = []
    for n in range(40):
        deal: Body = {
            "name": str(n),
            "currency": chance.choice(["CNY", "CNY", "USD", "EUR"]),
            "amount": str(chance.randrange(1, 10_000)),
            "owner_id": chance.choice([*everybody, None]),
            "steps": history(chance),
        }
        deals.append(deal | {"credit": None})
    items = [{name: value for name, value in deal.items() if name != "credit"} for deal in deals]
    made = (await sent(org, "deals/bulk", {"items": items}))["items"]
    assert {one["status"] for one in made} == {"created"}
    for deal, one in zip(deals, made, strict=True):
        deal["id"] = one["id"]
        deal["credit"] = await credited(org, one["id"], everybody if chance.random() < 0.8 else [])
    whose: list[tuple[Body, set[str] | None]] = [({}, None)]
    whose += [({"user_id": who}, {who}) for who in everybody]
    whose += [
        ({"team_id": str(teams["north"])}, {people["north"], people["city"]}),
        ({"team_id": str(teams["south"])}, {people["south"]}),
    ]
    quotas: list[tuple[Body, set[str] | None]] = []
    for who, members in whose:
        for measure in ("won_amount", "won_deals", "opened_deals"):
            first, last, *window = chance.choice([QUARTER, JANUARY])
            quota = {"measure": measure, "begins_on": first, "ends_on": last, "amount": "1000"} | who
            if measure == "won_amount":
                quota["currency"] = chance.choice(["CNY", "USD"])
            quotas.append((await sent(org, "quotas", quota) | {"window": window}, members))
    for as_of in (ZERO + timedelta(days=20), ZERO + timedelta(days=200)):
        told = await attained(org.admin, as_of=as_of.isoformat())
        assert told.keys() == {quota["id"] for quota, _ in quotas}
        for quota, members in quotas:
            achieved, unconverted, behind = by_hand(quota, members, deals, as_of)
            assert await counted(org, quota["id"], as_of) == sorted(behind)
            one = told[quota["id"]]
            assert abs(Decimal(one["achieved"]) - achieved) <= Decimal("0.0001"), (quota, one)
            assert one["unconverted"] == unconverted
            better = [
                other
                for other in told.values()
                if other["measure"] == one["measure"]
                and kind(other) == kind(one)
                and Decimal(other["share"]) > Decimal(one["share"])
            ]
            assert one["rank"] == len(better) + 1


async def test_what_is_due_follows_the_opening_hours(org: Organisation):
    week = {"monday": ["09:00-17:00"]}  # mondays in January 2026: 5, 12, 19 and 26
    calendar = await sent(org, "calendars", {"name": "c", "time_zone": "Asia/Shanghai", "week": week})
    answer = await org.admin.patch("/v1/settings", json={"calendar_id": calendar["id"]}, headers=ANY)
    assert answer.status_code == 200, answer.text
    first, last, *_ = JANUARY
    quota = {"measure": "won_deals", "begins_on": first, "ends_on": last, "amount": "8"}
    made = (await sent(org, "quotas", quota))["id"]
    for as_of, due in (
        ("2025-12-01T00:00:00Z", 0),
        ("2026-01-05T13:00:00+08:00", 1),
        ("2026-01-10T00:00:00Z", 2),
        ("2026-02-10T00:00:00Z", 8),
    ):
        one = (await attained(org.admin, as_of=as_of))[made]
        assert (Decimal(one["due"]), Decimal(one["ahead"])) == (Decimal(due), Decimal(-due)), as_of


async def test_who_sees_some_deals_is_told_of_quotas_over_these_alone(org: Organisation):
    await sent(org, "pipelines", LINE)
    north, south = await org.team("North"), await org.team("South")
    mine, seller = await org.user("seller", "sales", team=north)
    _, head = await org.user("head", "manager", team=north)
    other, _ = await org.user("other", "sales", team=south)
    first, last, *_ = QUARTER
    made: dict[str, str] = {}
    whose: dict[str, dict[str, UUID]] = {
        "mine": {"user_id": mine},
        "north": {"team_id": north},
        "other": {"user_id": other},
        "south": {"team_id": south},
        "all": {},
    }
    for name, who in whose.items():
        quota = {"measure": "won_deals", "begins_on": first, "ends_on": last, "amount": "3"}
        quota |= {key: str(value) for key, value in who.items()}
        made[name] = (await sent(org, "quotas", quota))["id"]
    assert (await attained(seller)).keys() == {made["mine"]}
    assert (await attained(head)).keys() == {made["mine"], made["north"]}
    assert (await attained(org.admin)).keys() == {*made.values()}


@pytest.mark.parametrize("name", ["amount", "credit", "owner_id"])
async def test_who_may_not_read_what_quotas_count_is_told_nothing(org: Organisation, name: str):
    read = {"deal": sorted(await _fields(org) - {name}), "quota": ["*"]}
    await org.role("blind", scopes=["*"], sight={"*": "all"}, read=read, write={})
    _, client = await org.user("blind", "blind")
    quota = {"measure": "won_deals", "begins_on": "2026-01-01", "ends_on": "2026-01-31", "amount": "5"}
    made = await sent(org, "quotas", quota)
    for address in ("", f"/{made['id']}/deals"):
        answer = await client.get(f"/v1/analytics/sales/attainment{address}")
        assert (answer.status_code, answer.json()["code"]) == (403, "field_hidden"), answer.text


async def _fields(org: Organisation) -> set[str]:
    listed = (await org.admin.get("/v1/nouns/deal")).json()["fields"]
    return {field["name"] for field in listed}
