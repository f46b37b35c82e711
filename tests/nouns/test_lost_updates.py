"""Nobody's change overwrites another's unseen, and the events retell every record."""

import asyncio
from datetime import datetime
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.db.registry import NOUNS
from app.domain.fields import Kind
from tests.makers.organisations import Organisation
from tests.nouns.nouns import (
    ALL,
    ANY,
    PLAIN,
    SERVED,
    Plain,
    each_noun,
    history,
    made,
    marked,
    run_here,
    shown,
)

UNTOLD = {"id", "version", "created_at", "updated_at"}
"""What an event says of itself rather than among its fields."""
# Without shrinking: an example costs many requests, and a failing one is short as it is.
PER_NOUN = settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
VERBS = {"orders": ("pay", "ship", "refund", "cancel"), "deals": ("win", "lose", "reopen")}
numbers = iter(range(10_000))


def test_every_noun_that_can_be_edited_is_under_test():
    edited = {name for name, noun in NOUNS.items() if ("PATCH", f"/{noun.plural}/{{id}}") in SERVED}
    # A key tells its secret once and is revoked rather than archived, so it has tests of its own.
    # An import is made of a file.
    assert edited - {"api_key", "import"} == {plain.noun.name for plain in PLAIN}


@each_noun
async def test_of_parallel_edits_of_one_version_exactly_one_wins(org: Organisation, plain: Plain):
    record = await made(org, plain)
    here = f"{plain.path}/{record['id']}"
    answers = await asyncio.gather(
        *(org.admin.patch(here, json=marked(plain, n), headers={"If-Match": '"1"'}) for n in range(9))
    )
    winners = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    assert len(winners) == 1, [answer.text for answer in answers]
    now = await shown(org, plain, record["id"])
    assert now["version"] == 2
    assert answers[winners[0]].json() == now
    for n, answer in enumerate(answers):
        if n not in winners:
            assert answer.status_code == 412, answer.text
            body = answer.json()
            assert body["version"] == 2
            [conflict] = body["conflicts"]
            assert conflict["field"] == plain.mark
            assert conflict["base"] == record[plain.mark]
            assert conflict["theirs"] == now[plain.mark]
            assert conflict["yours"].rstrip("0") == marked(plain, n)[plain.mark].rstrip("0")
    assert [event["version"] for event in await history(org, plain, record["id"])] == [1, 2]


async def test_a_conflict_is_told_field_by_field(org: Organisation):
    plain = ALL["contact"]
    for key in ("size", "grade"):
        field = {"noun": "contact", "key": key, "kind": "text", "label": key}
        assert (await org.admin.post("/v1/custom_fields", json=field)).status_code == 201
    record = await made(org, plain, job_title="a", occupation="same", custom={"size": "S", "grade": "g"})
    here = f"{plain.path}/{record['id']}"
    theirs = {"job_title": "b", "education": "MA", "custom": {"size": "M"}, "external_ids": {"shop": "1"}}
    assert (await org.admin.patch(here, json=theirs, headers=ANY)).status_code == 200
    theirs = {"job_title": "c", "tags": ["t"]}
    assert (await org.admin.patch(here, json=theirs, headers=ANY)).status_code == 200
    yours = {
        "job_title": "d",
        "occupation": "new",
        "custom": {"size": "L"},
        "external_ids": {"erp": "E", "shop": None},
    }
    refused = await org.admin.patch(here, json=yours, headers={"If-Match": '"1"'})
    assert refused.status_code == 412
    told = {one["field"]: (one["base"], one["theirs"], one["yours"]) for one in refused.json()["conflicts"]}
    assert told == {
        "job_title": ("a", "c", "d"),
        "occupation": ("same", "same", "new"),
        "education": (None, "MA", None),
        "tags": ([], ["t"], []),
        "custom.size": ("S", "M", "L"),
        "external_ids": ({"erp": "C-0"}, {"erp": "C-0", "shop": "1"}, {"erp": "E"}),
    }


def alike(plain: Plain, name: str, one: Any, other: Any) -> bool:
    """Equal, where times are equal as moments."""
    if one is None or other is None or plain.noun.fields[name].kind is not Kind.TIME:
        return one == other
    return datetime.fromisoformat(one) == datetime.fromisoformat(other)


async def retold(org: Organisation, plain: Plain, id_: str) -> None:
    """Check that a record's events, played from the first, give the record."""
    events = await history(org, plain, id_)
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    now = await shown(org, plain, id_)
    assert now["version"] == len(events)
    assert events[0]["before"] is None
    state: dict[str, Any] = {}
    for event in events:
        for name, value in (event["before"] or {}).items():
            was = state.get(name)
            assert alike(plain, name, was, value), (event["type"], name, was, value)
        state |= event["after"]
    for name in now.keys() - UNTOLD:
        assert alike(plain, name, state.get(name), now[name]), (name, state.get(name), now[name])
    assert state.keys() <= now.keys() | UNTOLD


def steps(plain: Plain) -> st.SearchStrategy[list[list[tuple[str, Any]]]]:
    """Rounds of calls that go out together."""
    values = {**plain.spread, **plain.edits_only}
    pick = st.sampled_from(sorted(values)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(values[name]))
    )
    edit = st.tuples(st.just("edit"), st.lists(pick, min_size=1, max_size=3).map(dict))
    verbs = ["archive", "restore", *VERBS.get(str(plain), ())]
    verb = st.sampled_from(verbs).map(lambda name: (name, {"reason": "x"} if name == "lose" else {}))
    return st.lists(st.lists(edit | edit | verb, min_size=1, max_size=4), min_size=1, max_size=6)


async def call(org: Organisation, here: str, step: tuple[str, Any], version: str) -> int:
    """One change; its status."""
    verb, body = step
    headers = {"If-Match": version}
    if verb == "edit":
        answer = await org.admin.patch(here, json=body, headers=headers)
    else:
        answer = await org.admin.post(f"{here}/{verb}", json=body, headers=headers)
    assert answer.status_code in {200, 409, 412, 422}, answer.text
    return answer.status_code


async def interleave(org: Organisation, plain: Plain, rounds: list[list[tuple[str, Any]]]) -> None:
    """Send each round's calls together, half of them for the version that the round began with."""
    record = await made(org, plain, next(numbers))
    here = f"{plain.path}/{record['id']}"
    for calls in rounds:
        before = (await shown(org, plain, record["id"]))["version"]
        known = f'"{before}"'
        await asyncio.gather(
            *(call(org, here, step, known if n % 2 else "*") for n, step in enumerate(calls))
        )
    await retold(org, plain, record["id"])


@each_noun
async def test_events_retell_a_record_after_any_interleaving(org: Organisation, plain: Plain):
    @PER_NOUN
    @given(steps(plain))
    async def any_rounds(rounds: list[list[tuple[str, Any]]]) -> None:
        await interleave(org, plain, rounds)

    await run_here(any_rounds)
