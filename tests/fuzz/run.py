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
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.schemas import BaseSchema

from tests.fuzz import refusals
from tests.fuzz.pointing import point
from tests.fuzz.world import World

_CONFIG = tomllib.loads(Path(__file__).with_name("schemathesis.toml").read_text())
_NO_SEQUENCES = "Missing Open API links"
"""What a group says whose operations do not follow from each other."""
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
    schema: BaseSchema = schemathesis.openapi.from_dict(
        document, config=_config(world, examples, seed, phases)
    )
    if group is not None:
        schema = schema.include(tag=group)
    outcome = Outcome(group or "all")
    with _hooked(world, random.Random(seed)):
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                _note(outcome, event.recorder)
            elif isinstance(event, events.NonFatalError) and event.info.title != _NO_SEQUENCES:
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
            first = (failure.message or failure.title).splitlines()[0]
            kind = (answer and refusals.code_of(answer)) or first
            operation = failure.operation or outcome.group
            outcome.failures.setdefault(
                (operation, check.name, kind),
                Failure(operation, check.name, says, check.failure_info.code_sample),
            )


@contextmanager
def _hooked(world: World, chance: random.Random) -> Iterator[None]:
    """Point well-formed requests at records that are there, and judge refusals by what they say."""

    def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
        point(case, world, chance)

    def filter_failure(
        _: schemathesis.HookContext, failure: Exception, __: schemathesis.Case, answer: schemathesis.Response
    ) -> bool:
        return not (
            refusals.never_arrived(answer)
            or (isinstance(failure, RejectedPositiveData) and refusals.unsayable(answer))
            or (isinstance(failure, AcceptedNegativeData) and refusals.item_by_item(answer))
        )

    hooks = (before_call, filter_failure)
    for one in hooks:
        GLOBAL_HOOK_DISPATCHER.hook(one)
    try:
        yield
    finally:
        for one in hooks:
            GLOBAL_HOOK_DISPATCHER.unregister(one)


def lines(outcome: Outcome) -> Iterator[str]:
    """What failed, for people: what was wrong, and the request that shows it."""
    for failure in outcome.failures.values():
        yield f"{failure.operation}  {failure.check}\n    {failure.says}\n    {failure.curl}"
    yield from outcome.errors
