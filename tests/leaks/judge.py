"""What is wrong with an answer: planted values that should not be in it, records and fields that should not."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from tests.leaks.calls import Route, calls
from tests.leaks.oracle import Oracle
from tests.leaks.targets import Call, Targets
from tests.leaks.world import NOUNS, World

_SHOWN_IN_TIMELINE = {
    "interaction": {"at", "contact_id"},
    "task": {"closed_at", "contact_id"},
    "order": {"placed_at", "contact_id"},
    "deal": {"entered_at", "contact_id"},
}


async def trial(oracle: Oracle, targets: Targets, routes: Iterable[Route]) -> tuple[list[str], set[str]]:
    """Try routes as the oracle's seat: what came out wrongly, and every planted value that came out."""
    allowed = oracle.allowed()
    faults: list[str] = []
    seen: set[str] = set()
    for call in calls(targets, routes):
        answer = await call.send(oracle.world.clients[oracle.seat])
        values, wrong = judged(oracle, allowed, call, answer)
        seen |= values
        faults += [f"{call.method} {call.url} {call.params} -> {answer.status_code}: {one}" for one in wrong]
    return faults, seen


def judged(
    oracle: Oracle, allowed: set[str], call: Call, answer: httpx.Response
) -> tuple[set[str], list[str]]:
    """The planted values in an answer, and what is wrong with it."""
    text = f"{dict(answer.headers)} {answer.text}"
    values = oracle.world.canaries.found(text) - oracle.world.canaries.found(call.words)
    wrong = [f"{value} of {where(oracle.world, value)}" for value in sorted(values - allowed)]
    ours = call.url.startswith("/v1/")
    if ours and answer.status_code >= 500:
        wrong.append("an error of ours")
    if ours and answer.headers.get("content-type", "").endswith("json") and answer.content:
        wrong += _misplaced(oracle, call, answer.json())
    return values, wrong


def where(world: World, value: str) -> str:
    """Who holds a planted value."""
    return " or ".join(
        sorted(
            f"{holder.record}: {'+'.join(sorted(holder.fields))}" for holder in world.canaries.holders[value]
        )
    )


def _objects(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, dict):
        yield body
        for value in body.values():
            yield from _objects(value)
    elif isinstance(body, list):
        for value in body:
            yield from _objects(value)


def _misplaced(oracle: Oracle, call: Call, body: Any) -> Iterator[str]:
    """Names of fields that should not be there, of records known by their ids."""
    nouns = {one.id: one.noun for one in oracle.world.records.values()}
    spoken = next((noun for noun, plural in NOUNS.items() if f"/v1/{plural}" in call.url), "")
    for one in _objects(body):
        if "before" in one and one.get("noun") in NOUNS:
            names = (one["before"] or {}).keys() | one["after"].keys()
            if one["type"].endswith("_segment") and oracle.has("segments:read"):
                names -= {"segment_id", "why"}
            yield from _hidden(oracle, one["noun"], names)
        elif "detail" in one and "title" in one and one.get("kind") in NOUNS:
            yield from _hidden(oracle, one["kind"], one["detail"].keys() | _SHOWN_IN_TIMELINE[one["kind"]])
        elif "yours" in one and spoken:
            yield from _hidden(oracle, spoken, {one["field"]})
        elif "version" in one and str(one.get("id")) in nouns:
            yield from _hidden(oracle, nouns[one["id"]], one.keys())


def _hidden(oracle: Oracle, noun: str, names: Iterable[str]) -> list[str]:
    return [f"the name of {noun}.{name}" for name in sorted(names) if not oracle.shows(noun, name)]


def show(faults: list[str]) -> str:
    """Faults for a person to read."""
    return f"{len(faults)} leaks\n" + "\n".join(
        json.dumps(fault, ensure_ascii=False) for fault in faults[:40]
    )
