"""One group of operations under Schemathesis, with every check on."""

import random
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from schemathesis.openapi.checks import RejectedPositiveData

from tests.fuzz.refusals import UNSAYABLE
from tests.fuzz.world import World

_CONFIG = tomllib.loads(Path(__file__).with_name("schemathesis.toml").read_text())
_REAL = 0.7
"""How often a well-formed address or If-Match is made to name something that is there."""
_SHOWN = 600
"""Characters of a finding, and of an answer, that are shown."""
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass(frozen=True)
class Failure:
    """One way in which an operation failed, with a request that shows it."""

    operation: str
    check: str
    says: str
    curl: str


@dataclass
class Outcome:
    """What came of a group."""

    group: str
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[tuple[str, str, str], Failure] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing failed."""
        return not self.failures and not self.errors

    def __str__(self) -> str:
        """One line."""
        done = sum(count for status, count in self.statuses.items() if status < 300)
        failed = len(self.failures) + len(self.errors)
        return f"{self.group:16} {self.cases:7,} cases, {done:7,} of them done, {failed:4} failures"


def groups(document: dict[str, Any]) -> dict[str, int]:
    """Every group with the number of its operations."""
    operations = (operation for item in document["paths"].values() for operation in item.values())
    return dict(Counter(operation["tags"][0] for operation in operations))


def run(
    world: World,
    document: dict[str, Any],
    group: str | None,
    *,
    examples: int,
    seed: int,
    phases: tuple[str, ...] = PHASES,
) -> Outcome:
    """Throw this many generated requests at each operation of a group, or of all, in each of the phases that count.

    The same seed sends the same requests, but for the ids of the organisation that they are sent to.
    """
    schema = schemathesis.openapi.from_dict(document, config=_config(world, examples, seed, phases))
    if group is not None:
        schema = schema.include(tag=group)
    outcome = Outcome(group or "all")
    with _hooked(world, random.Random(seed)):
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                _note(outcome, event.recorder)
            elif isinstance(event, events.NonFatalError):
                outcome.errors.append(f"{event.label}: {event.info.format()}")
            elif isinstance(event, events.FatalError):
                raise event.exception
    return outcome


def _config(world: World, examples: int, seed: int, phases: tuple[str, ...]) -> SchemathesisConfig:
    chosen = {
        "seed": seed,
        "base-url": world.url,
        "auth": {"openapi": {"token": {"bearer": world.key}}},
        "generation": _CONFIG["generation"] | {"max-examples": examples},
        "phases": {name: {"enabled": name in phases} for name in PHASES},
    }
    return SchemathesisConfig.from_dict(_CONFIG | chosen)


def _note(outcome: Outcome, recorder: ScenarioRecorder) -> None:
    outcome.cases += len(recorder.interactions)
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            outcome.statuses[interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.status is Status.SUCCESS or check.failure_info is None:
                continue
            failure = check.failure_info.failure
            answer = recorder.find_response(case_id=failure.case_id or case_id)
            says = " ".join(f"{failure.title}: {failure.message}".split())[:_SHOWN]
            if answer is not None:
                says += f" | {answer.status_code} {answer.text[:_SHOWN]}"
            kind = _code(answer) or failure.message.splitlines()[0] if failure.message else failure.title
            outcome.failures.setdefault(
                (failure.operation, check.name, kind),
                Failure(failure.operation, check.name, says, check.failure_info.code_sample),
            )


def _code(answer: schemathesis.Response | None) -> str | None:
    """The code of a problem."""
    if answer is None or not answer.headers.get("content-type", [""])[0].startswith("application/problem"):
        return None
    code: str = answer.json()["code"]
    return code


@contextmanager
def _hooked(world: World, chance: random.Random) -> Iterator[None]:
    """Make addresses name records that are there, never what the caller itself stands on."""

    def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
        meta = case.meta
        plural = case.operation.path.split("/")[2] if case.path.startswith("/v1/") else ""
        given = case.path_parameters
        if given and not (meta and meta.is_negative_at(ParameterLocation.PATH)):
            if str(given.get("id")) in world.own:
                given["id"] = "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"
            elif chance.random() < _REAL:
                _name(given, plural, world, chance)
        if (
            case.headers
            and "If-Match" in case.headers
            and not (meta and meta.is_negative_at(ParameterLocation.HEADER))
            and chance.random() < _REAL
        ):
            case.headers["If-Match"] = chance.choice(["*", "*", "*", '"1"', '"2"'])

    def filter_failure(
        _: schemathesis.HookContext,
        failure: Exception,
        __: schemathesis.Case,
        response: schemathesis.Response,
    ) -> bool:
        return not (
            isinstance(failure, RejectedPositiveData)
            and response.status_code == 422
            and _code(response) in UNSAYABLE
        )

    hooks = (before_call, filter_failure)
    for one in hooks:
        GLOBAL_HOOK_DISPATCHER.hook(one)
    try:
        yield
    finally:
        for one in hooks:
            GLOBAL_HOOK_DISPATCHER.unregister(one)


def _name(given: dict[str, Any], plural: str, world: World, chance: random.Random) -> None:
    if "id" in given and (found := world.ids.get(plural)):
        given["id"] = chance.choice(found)
    if "external_id" in given and (pairs := world.external.get(plural)):
        given["system"], given["external_id"] = chance.choice(pairs)


def lines(outcome: Outcome) -> Iterator[str]:
    """What failed, for people: what was wrong, and the request that shows it."""
    for failure in outcome.failures.values():
        yield f"{failure.operation}  {failure.check}\n    {failure.says}\n    {failure.curl}"
    yield from outcome.errors
