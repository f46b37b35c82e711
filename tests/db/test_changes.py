"""Changes in SQL are the difference of two replays, of stage histories and of the event log, for any of both."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db.engine import Database
from app.kit import clock
from app.kit.ids import new_id
from tests.api.test_deals import pipeline
from tests.makers.organisations import Organisation
from tests.nouns.nouns import run_here

ZONE = ZoneInfo("Asia/Shanghai")
OPEN = ["enquiry", "visit", "design", "quote", "deposit"]
STATES = {"open": "open", "move": "open", "reopen": "open", "win": "won", "lose": "lost"}
STAGES = {"win": "ordered", "lose": "lost"}
CHANNELS = [None, "web", "店"]
KINDS = ("entered", "won", "lost", "reopened", "slipped", "nearer", "grew", "shrank")


@dataclass
class Kept:
    """A deal: its stage history as verb, stage and hours; its values as hours and what was written then."""

    entries: list[tuple[str, str, int]]
    edits: list[tuple[int, dict[str, Any]]]
    channel: str | None
    archived: int | None
    id: UUID = field(default_factory=new_id)


@st.composite
def deal(draw: st.DrawFn) -> Kept:
    """A deal that was moved, closed, reopened, relocated and edited, much of it at one moment."""
    hour = draw(st.sampled_from([0, 1, 24, 48]))
    written = draw(st.sampled_from([0, 0, 3, 30]))
    values = st.fixed_dictionaries(
        {},
        optional={
            "amount": st.sampled_from([None, "0.0000", "10.0000", "33.3333"]),
            "currency": st.sampled_from(["CNY", "EUR"]),
            "expected_close": st.sampled_from([None, "2026-01-31", "2026-02-28"]),
        },
    )
    entries, edits = [("open", draw(st.sampled_from(OPEN)), hour)], []
    first = {"amount": None, "currency": "CNY", "expected_close": "2026-02-15"} | draw(values)
    edits.append((hour + written, first))
    for _ in range(draw(st.integers(0, 6))):
        hour += draw(st.sampled_from([0, 0, 1, 20, 24]))
        here = STATES[next(verb for verb, *_ in reversed(entries) if verb != "relocate")]
        choices = ["move", "win", "lose", "relocate"] if here == "open" else ["reopen", "relocate"]
        verb = draw(st.sampled_from(choices))
        to = entries[-1][1] if here != "open" and verb == "relocate" else draw(st.sampled_from(OPEN))
        entries.append((verb, STAGES.get(verb, to), hour))
    at = edits[0][0]
    for _ in range(draw(st.integers(0, 5))):
        at += draw(st.sampled_from([0, 1, 20, 24]))
        edits.append((at, draw(values)))
    return Kept(entries, edits, draw(st.sampled_from(CHANNELS)), draw(st.sampled_from([None, None, 60])))


def state(one: Kept, before: int) -> str | None:
    """Open, won or lost by what is dated before an hour."""
    verbs = [verb for verb, _, hour in one.entries if hour < before and verb != "relocate"]
    return STATES[verbs[-1]] if verbs else None


def values(one: Kept, before: int) -> dict[str, Any]:
    """What had been written before an hour; of a deal that was written later, what was written first."""
    known = dict(one.edits[0][1])
    for hour, written in one.edits[1:]:
        known |= written if hour < before else {}
    return known


def changed(one: Kept, start: int, end: int) -> dict[str, Decimal]:
    """The changes of a deal, each with its money."""
    was, now = state(one, start), state(one, end)
    old, new = values(one, start), values(one, end)
    worth, more = Decimal(new["amount"] or 0), Decimal(new["amount"] or 0) - Decimal(old["amount"] or 0)
    stays = was == now == "open"
    dated = stays and old["expected_close"] and new["expected_close"]
    alike = stays and old["currency"] == new["currency"]
    holds = {
        "entered": (was is None and now is not None, worth),
        "won": (now == "won" != was, worth),
        "lost": (now == "lost" != was, worth),
        "reopened": (was in {"won", "lost"} and now == "open", worth),
        "slipped": (dated and new["expected_close"] > old["expected_close"], worth),
        "nearer": (dated and new["expected_close"] < old["expected_close"], worth),
        "grew": (alike and more > 0, more),
        "shrank": (alike and more < 0, more),
    }
    return {name: money for name, (told, money) in holds.items() if told}


def replayed(deals: list[Kept], start: int, end: int) -> dict[str, Any]:
    """What is told of deals."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        mine = [
            (one, money) for one in deals for name, money in changed(one, start, end).items() if name == kind
        ]
        sums: dict[str, Decimal] = {}
        for one, money in mine:
            currency = values(one, end)["currency"]
            sums[currency] = sums.get(currency, Decimal(0)) + money
        counts = Counter(values(one, end)["currency"] for one, _ in mine)
        found[kind] = (
            len(mine),
            {currency: (counts[currency], money) for currency, money in sums.items()},
            {str(one.id) for one, _ in mine},
        )
    return found


def told(group: dict[str, Any]) -> dict[str, Any]:
    """The same of an answer."""
    return {
        kind: (
            group[kind]["deals"],
            {one["currency"]: (one["deals"], Decimal(one["amount"])) for one in group[kind]["totals"]},
            set(group[kind]["ids"]),
        )
        for kind in KINDS
    }


async def fill(connection: Any, org: UUID, line: UUID, began: datetime, deals: list[Kept]) -> None:
    """Put the deals there with their histories and events; all others go."""
    for table in ("deal_moves", "deals"):
        await connection.execute(f"delete from {table} where org_id = $1", org)  # noqa: S608 - our own names

    def at(hour: int | None) -> datetime | None:
        return None if hour is None else began + timedelta(hours=hour)

    for one in deals:
        now = values(one, 10**6)
        _, stage, entered = one.entries[-1]
        last = state(one, 10**6)
        closed = max((hour for verb, _, hour in one.entries if verb in STAGES), default=None)
        await connection.execute(
            "insert into deals (org_id, id, name, name_key, pipeline_id, stage, status, amount, currency, expected_close,"
            " channel, opened_at, entered_at, closed_at, archived_at, tags, custom, terms, version, created_at, updated_at)"
            " values ($1, $2, 'x', 'x', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '{}', '{}', '', 1, $14, $15)",
            org,
            one.id,
            line,
            stage,
            "open" if last == "open" else "lost",
            None if now["amount"] is None else Decimal(now["amount"]),
            now["currency"],
            now["expected_close"] and date.fromisoformat(now["expected_close"]),
            one.channel,
            at(one.entries[0][2]),
            at(entered),
            None if last == "open" else at(closed),
            at(one.archived),
            at(one.edits[0][0]),
            at(one.edits[-1][0]),
        )
        if last == "won":
            await connection.execute(
                "update deals set amount = coalesce(amount, 0), status = 'won' where org_id = $1 and id = $2",
                org,
                one.id,
            )
        for verb, to, hour in one.entries:
            await connection.execute(
                "insert into deal_moves (org_id, id, deal_id, pipeline_id, verb, to_stage, at) values ($1, $2, $3, $4, $5, $6, $7)",
                org,
                new_id(),
                one.id,
                line,
                verb,
                to,
                at(hour),
            )
        known: dict[str, Any] = {}
        for hour, written in one.edits:
            before = {name: known[name] for name in written} if known else None
            await connection.execute(
                "insert into events (org_id, at, type, noun, noun_id, version, actor_id, actor_kind, before, after)"
                " values ($1, $2, 'deal.edited', 'deal', $3, 1, $3, 'system', $4, $5)",
                org,
                at(hour),
                one.id,
                before,
                written,
            )
            known |= written


async def behind(org: Organisation, body: dict[str, Any]) -> list[str]:
    """The deals behind a number, page by page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        answer = await org.admin.post("/v1/analytics/sales/changes/deals", json=body | {"cursor": cursor})
        assert answer.status_code == 200, answer.text
        found += [one["id"] for one in answer.json()["data"]]
        if (cursor := answer.json()["next"]) is None:
            return found


async def test_changes_are_the_difference_of_two_replays(org: Organisation, owner: Database):
    line = UUID((await pipeline(org))["id"])
    # Events lie in months that are there; days are those of the organisation.
    first = clock.now().astimezone(ZONE).date() - timedelta(days=8)
    began = datetime(first.year, first.month, first.day, tzinfo=ZONE).astimezone(UTC)

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(deal(), max_size=7),
        st.sampled_from([0, 1, 2]),
        st.sampled_from([1, 2, 4]),
        st.sampled_from([None, 24, 25, 30, 71]),
        st.booleans(),
        st.sampled_from(sorted(KINDS)),
    )
    async def holds(
        deals: list[Kept], since: int, days: int, as_of: int | None, grouped: bool, kind: str
    ) -> None:
        async with owner.connection(org.id) as connection, connection.transaction():
            await fill(connection, org.id, line, began, deals)
        body: dict[str, Any] = {
            "since": str(first + timedelta(days=since)),
            "before": str(first + timedelta(days=since + days)),
            "limit": 200,
            "group_by": "channel" if grouped else None,
        }
        start, end = 24 * since, 24 * (since + days)
        if as_of is not None:
            body["as_of"] = (began + timedelta(hours=as_of)).isoformat()
            end = max(start, min(end, as_of + 1))  # what is dated as it strikes counts
        answer = await org.admin.post("/v1/analytics/sales/changes", json=body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        here = end if as_of is None or as_of + 1 > end else as_of
        counted = [one for one in deals if one.archived is None or one.archived > here]
        for group in found["groups"] if grouped else [found["total"]]:
            number = body | {"change": kind, "key": group["key"], "limit": 2}
            assert await behind(org, number) == sorted(group[kind]["ids"])
        if not grouped:
            assert told(found["total"]) == replayed(counted, start, end)
            return
        for group in found["groups"]:
            mine = [one for one in counted if one.channel == group["key"]]
            assert told(group) == replayed(mine, start, end)
        assert found["groups_in_all"] == len(found["groups"])

    await run_here(holds)
