"""How a pipeline is written down, and what is wrong with one that would not work."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domain import conditions
from app.domain.conditions import All
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.fields import Field
from app.domain.orders import rounded
from app.domain.pipelines.stages import Guard, Moves, Pipeline, Stage, StageKind

MOST_STAGES = 50
MOST_GUARDS = 20
"""Of one stage."""
MOST_DAYS = 3_650
"""Business days that a deal may be expected to stand in one stage."""
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CERTAIN = {StageKind.WON: Decimal(1), StageKind.LOST: Decimal(0)}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a pipeline: a stable code, a sentence, and where, as a JSON pointer (RFC 6901)."""

    code: str
    detail: str
    at: str


def read(raw: Mapping[str, Any], fields: Mapping[str, Field], roles: Set[str]) -> Pipeline:
    """The pipeline in its JSON form, checked against the fields of deals and the organisation's roles.

    Types are those that `to_json` writes. Raises InvalidInput "pipeline_invalid" with every fault.
    """
    faults: list[Fault] = []
    pipeline = _read(raw, fields, faults)
    faults += faults_of(pipeline, fields, roles)
    if faults:
        raise InvalidInput(
            "pipeline_invalid",
            f"The pipeline would not work. {' '.join(fault.detail for fault in faults)}",
            errors=[asdict(fault) for fault in faults],
        )
    return pipeline


def stored(raw: Mapping[str, Any], fields: Mapping[str, Field]) -> Pipeline:
    """A pipeline that was kept. Raises RuleBroken where it names a field of deals that is gone since."""
    faults: list[Fault] = []
    pipeline = _read(raw, fields, faults)
    for stage in pipeline.stages:
        faults += _faults_of_fields(stage, "", fields)
    if faults:
        raise RuleBroken(
            "pipeline_outdated",
            f"The pipeline {pipeline.name} names fields that are gone: {' '.join(fault.detail for fault in faults)}"
            " Change the pipeline first.",
        )
    return pipeline


def outline(raw: Mapping[str, Any]) -> Pipeline:
    """A pipeline that was kept, whatever has become of the fields that it names: without its guards."""
    stages = [{**stage, "guards": ()} for stage in raw["stages"]]
    return _read({**raw, "stages": stages}, {}, [])


def _read(raw: Mapping[str, Any], fields: Mapping[str, Field], faults: list[Fault]) -> Pipeline:
    moves = raw.get("moves") or {}
    return Pipeline(
        UUID(str(raw["id"])),
        raw["name"],
        tuple(_stage(one, f"/stages/{i}", fields, faults) for i, one in enumerate(raw["stages"])),
        Moves(
            forward=moves.get("forward", 1),
            back=moves.get("back", 0),
            listed=frozenset((start, to) for start, to in moves.get("listed", ())),
            entries=frozenset(moves.get("entries", ())),
            reopened=frozenset(moves.get("reopened", ())),
        ),
    )


def to_json(pipeline: Pipeline) -> dict[str, Any]:
    """The JSON form; reading it gives the same pipeline."""
    moves = pipeline.moves
    return {
        "id": str(pipeline.id),
        "name": pipeline.name,
        "stages": [_stage_json(stage) for stage in pipeline.stages],
        "moves": {
            "forward": moves.forward,
            "back": moves.back,
            "listed": sorted(map(list, moves.listed)),
            "entries": sorted(moves.entries),
            "reopened": sorted(moves.reopened),
        },
    }


def faults_of(pipeline: Pipeline, fields: Mapping[str, Field], roles: Set[str]) -> list[Fault]:
    """Everything that is wrong with a pipeline, the guards' conditions apart, which cannot be read when they are wrong."""
    faults = [*_faults_of_stages(pipeline)]
    for place, stage in enumerate(pipeline.stages):
        faults += _faults_of_stage(stage, f"/stages/{place}", fields, roles)
    faults += _faults_of_moves(pipeline)
    # Who can get where is worth telling only of stages that can be told apart.
    return faults or [*_faults_of_ways(pipeline)]


def _stage(raw: Mapping[str, Any], at: str, fields: Mapping[str, Field], faults: list[Fault]) -> Stage:
    guards = [_guard(one, f"{at}/guards/{i}", fields, faults) for i, one in enumerate(raw.get("guards", ()))]
    return Stage(
        key=raw["key"],
        name=raw["name"],
        kind=StageKind(raw["kind"]),
        probability=Decimal(str(raw["probability"])),
        expected_days=raw.get("expected_days"),
        on_entry=tuple(raw.get("on_entry", ())),
        on_exit=tuple(raw.get("on_exit", ())),
        guards=tuple(guards),
        approvers=frozenset(raw.get("approvers", ())),
    )


def _guard(raw: Mapping[str, Any], at: str, fields: Mapping[str, Field], faults: list[Fault]) -> Guard:
    try:
        condition = conditions.parse(raw["condition"], fields, moving=True)
    except InvalidInput as wrong:
        faults.append(Fault("guard_invalid", wrong.detail, f"{at}/condition{wrong.facts['at']}"))
        condition = All(())
    return Guard(condition, raw["reason"])


def _stage_json(stage: Stage) -> dict[str, Any]:
    return {
        "key": stage.key,
        "name": stage.name,
        "kind": stage.kind.value,
        "probability": format(stage.probability, "f"),
        "expected_days": stage.expected_days,
        "on_entry": list(stage.on_entry),
        "on_exit": list(stage.on_exit),
        "guards": [
            {"condition": conditions.to_json(guard.condition), "reason": guard.reason}
            for guard in stage.guards
        ],
        "approvers": sorted(stage.approvers),
    }


def _faults_of_stages(pipeline: Pipeline) -> Iterator[Fault]:
    stages = pipeline.stages
    if not pipeline.name.strip():
        yield Fault("pipeline_name_missing", "A pipeline needs a name.", "/name")
    if len(stages) > MOST_STAGES:
        yield Fault("stages_too_many", f"A pipeline has at most {MOST_STAGES} stages.", "/stages")
    for kind in StageKind:
        if not pipeline.of_kind(kind):
            yield Fault(f"{kind}_stage_missing", f"A pipeline needs a stage of the kind {kind}.", "/stages")
    for place, stage in _repeated(stages, lambda stage: stage.key):
        yield Fault("stage_key_twice", f"Two stages have the key {stage.key!r}.", f"/stages/{place}/key")
    for place, stage in _repeated(stages, lambda stage: stage.name.strip().casefold()):
        yield Fault("stage_name_twice", f"Two stages are called {stage.name!r}.", f"/stages/{place}/name")
    closed = False
    for place, stage in enumerate(stages):
        if closed and stage.kind is StageKind.OPEN:
            yield Fault(
                "open_after_closed",
                f"The stage {stage.name} is open and comes after a closed one; put open stages first.",
                f"/stages/{place}/kind",
            )
        closed |= stage.kind is not StageKind.OPEN


def _repeated(stages: Sequence[Stage], named: Callable[[Stage], str]) -> Iterator[tuple[int, Stage]]:
    seen: set[str] = set()
    for place, stage in enumerate(stages):
        if named(stage) in seen:
            yield place, stage
        seen.add(named(stage))


def _faults_of_stage(stage: Stage, at: str, fields: Mapping[str, Field], roles: Set[str]) -> Iterator[Fault]:
    if not _KEY.fullmatch(stage.key):
        yield Fault(
            "stage_key_invalid",
            f"The key {stage.key!r} is no key: it has 1 to 40 of a-z, 0-9 and _, and begins with a letter.",
            f"{at}/key",
        )
    if not stage.name.strip():
        yield Fault("stage_name_missing", f"The stage {stage.key} needs a name.", f"{at}/name")
    yield from _faults_of_numbers(stage, at)
    yield from _faults_of_fields(stage, at, fields)
    if len(stage.guards) > MOST_GUARDS:
        yield Fault(
            "guards_too_many", f"The stage {stage.name} has more than {MOST_GUARDS} guards.", f"{at}/guards"
        )
    for place, guard in enumerate(stage.guards):
        if not guard.reason.strip():
            yield Fault(
                "guard_reason_missing",
                f"Guard {place + 1} of the stage {stage.name} needs a sentence that tells why it refuses a deal.",
                f"{at}/guards/{place}/reason",
            )
    for role in sorted(stage.approvers - roles):
        yield Fault(
            "role_unknown",
            f"The stage {stage.name} needs approval by {role!r}, which is no role.",
            f"{at}/approvers",
        )


def _faults_of_fields(stage: Stage, at: str, fields: Mapping[str, Field]) -> Iterator[Fault]:
    for name, listed in (("on_entry", stage.on_entry), ("on_exit", stage.on_exit)):
        for place, field in enumerate(listed):
            if field not in fields:
                yield Fault(
                    "field_unknown",
                    f"The stage {stage.name} requires {field!r}, which is no field of deals.",
                    f"{at}/{name}/{place}",
                )


def _faults_of_numbers(stage: Stage, at: str) -> Iterator[Fault]:
    certain = _CERTAIN.get(stage.kind)
    if not 0 <= stage.probability <= 1 or stage.probability != rounded(stage.probability):
        yield Fault(
            "probability_out_of_range",
            f"The stage {stage.name} has the probability {stage.probability}; it goes from 0 to 1, with at most four decimals.",
            f"{at}/probability",
        )
    elif certain is not None and stage.probability != certain:
        yield Fault(
            "probability_not_certain",
            f"The stage {stage.name} is {stage.kind}, so its probability is {certain} and not {stage.probability}.",
            f"{at}/probability",
        )
    if stage.expected_days is None:
        return
    if certain is not None:
        yield Fault(
            "expected_days_of_closed",
            f"The stage {stage.name} is {stage.kind}, and deals stay there; leave its expected days out.",
            f"{at}/expected_days",
        )
    elif not 1 <= stage.expected_days <= MOST_DAYS:
        yield Fault(
            "expected_days_out_of_range",
            f"The stage {stage.name} expects {stage.expected_days} days; it may be 1 to {MOST_DAYS:,}.",
            f"{at}/expected_days",
        )


def _faults_of_moves(pipeline: Pipeline) -> Iterator[Fault]:
    moves, stages = pipeline.moves, pipeline.by_key()
    for name, steps in (("forward", moves.forward), ("back", moves.back)):
        if steps < 0:
            yield Fault(
                "steps_below_zero",
                f"A deal cannot go {steps} steps {name}; use 0 for none.",
                f"/moves/{name}",
            )
    for name, keys in (("entries", moves.entries), ("reopened", moves.reopened)):
        for key in sorted(keys):
            if key not in stages or stages[key].kind is not StageKind.OPEN:
                says = "is closed" if key in stages else "is no stage of this pipeline"
                yield Fault(
                    "stage_not_open",
                    f"Deals cannot be {'opened' if name == 'entries' else name} in {key!r}, which {says}.",
                    f"/moves/{name}",
                )
    for start, to in sorted(moves.listed):
        if wrong := _wrong_pair(stages, start, to):
            yield Fault("pair_invalid", f"The move from {start!r} to {to!r} {wrong}.", "/moves/listed")


def _wrong_pair(stages: Mapping[str, Stage], start: str, to: str) -> str | None:
    for key in (start, to):
        if key not in stages:
            return f"names {key!r}, which is no stage of this pipeline"
    if start == to:
        return "leads nowhere"
    if stages[start].kind is not StageKind.OPEN:
        return f"begins in a stage that is {stages[start].kind}; say where deals are reopened instead"
    if stages[to].kind is StageKind.LOST:
        return "need not be listed: a deal can be lost from every open stage"
    return None


def _faults_of_ways(pipeline: Pipeline) -> Iterator[Fault]:
    reached = _reached(pipeline.entries(), pipeline.following)
    winning = _reached(
        pipeline.of_kind(StageKind.WON),
        lambda to: [start for start in pipeline.of_kind(StageKind.OPEN) if pipeline.allows(start, to)],
    )
    for place, stage in enumerate(pipeline.stages):
        if stage.key not in reached:
            yield Fault(
                "stage_unreachable",
                f"No deal can come to the stage {stage.name}: no move leads there.",
                f"/stages/{place}",
            )
        elif stage.kind is StageKind.OPEN and stage.key not in winning:
            yield Fault(
                "stage_never_won",
                f"No deal in the stage {stage.name} can ever be won: no way leads on from there.",
                f"/stages/{place}",
            )


def _reached(starts: Iterable[Stage], next_to: Callable[[Stage], Iterable[Stage]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        stage = waiting.pop()
        if stage.key not in seen:
            seen.add(stage.key)
            waiting += next_to(stage)
    return seen
