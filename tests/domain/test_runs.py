"""Who may take a batch, and what becomes of a run when it ends, fails or is called off."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from app.domain.access import Scope
from app.domain.errors import RuleBroken
from app.domain.runs import (
    ALLOWED,
    DIED,
    ENDED,
    LEASE,
    MOST_ATTEMPTS,
    MOST_PATIENCE,
    Progress,
    RunStatus,
    asked_by,
    pause,
    plan_cancel,
    plan_failure,
    plan_release,
    plan_retry,
    plan_step,
    plan_take,
    plan_wait,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = UUID(int=7)


@dataclass
class ARun:
    status: str = RunStatus.RUNNING
    lease: UUID | None = None
    attempts: int = 0
    total: int | None = None
    started_at: datetime | None = None
    waiting_since: datetime | None = None


def test_taking_starts_the_run_and_puts_it_out_of_reach_until_the_lease_is_over():
    plan = plan_take(ARun(RunStatus.QUEUED), lease=TOKEN, at=NOON, until=NOON + LEASE)
    assert plan.event == "run.started"
    assert plan.values["lease"] == TOKEN
    assert plan.values["due_at"] == NOON + LEASE
    assert plan.values["started_at"] == NOON
    again = plan_take(ARun(started_at=NOON), lease=TOKEN, at=NOON, until=NOON + LEASE)
    assert again.event is None
    assert again.values["attempts"] == 0


def test_a_lease_that_still_stands_is_a_dead_workers_and_counts():
    plan = plan_take(ARun(lease=UUID(int=1), attempts=2), lease=TOKEN, at=NOON, until=NOON + LEASE)
    assert plan.values["attempts"] == 3


@pytest.mark.parametrize("dies", [True, False])
def test_whether_it_fails_or_kills_its_worker_a_batch_is_tried_a_few_times_and_no_more(dies):
    run, tries = ARun(), 0
    while run.status not in ENDED:
        taken = plan_take(run, lease=TOKEN, at=NOON, until=NOON + LEASE)
        run = replace(run, **{k: v for k, v in taken.values.items() if k in {"status", "lease", "attempts"}})
        if run.status in ENDED:
            assert taken.values["error"] == DIED
            break
        tries += 1
        if not dies:
            failed = plan_failure(run, "It rains.", at=NOON)
            run = replace(
                run, **{k: v for k, v in failed.values.items() if k in {"status", "lease", "attempts"}}
            )
            assert failed.values["error"] == "It rains."
    assert tries == MOST_ATTEMPTS
    assert run.status == RunStatus.FAILED
    assert run.lease is None


def test_a_step_makes_the_next_batch_due_at_once_and_forgets_failures():
    plan = plan_step(ARun(lease=TOKEN, attempts=3, total=9), Progress({"after": 5}, 5), at=NOON)
    assert plan.event is None
    assert plan.values["due_at"] == NOON
    assert (plan.values["attempts"], plan.values["error"], plan.values["lease"]) == (0, None, None)
    assert (plan.values["done"], plan.values["total"]) == (5, 9)
    last = plan_step(ARun(lease=TOKEN), Progress({}, 9, finished=True, result={"n": 9}), at=NOON)
    assert (last.event, last.values["status"], last.values["result"]) == ("run.done", "done", {"n": 9})


def test_a_batch_handed_back_is_due_at_once_and_counts_for_nothing():
    plan = plan_release(at=NOON)
    assert plan.values == {"lease": None, "due_at": NOON}


def test_whoever_is_in_the_way_is_waited_for_ever_longer_and_without_end():
    run, at, waits = ARun(lease=TOKEN, attempts=MOST_ATTEMPTS - 1), NOON, []
    for _ in range(50):
        plan = plan_wait(run, "Somebody else is there.", at=at)
        assert (plan.event, plan.values["lease"], plan.values["error"]) == (
            *(None, None),
            "Somebody else is there.",
        )
        assert "attempts" not in plan.values
        assert plan.values["waiting_since"] == NOON
        waits.append(plan.values["due_at"] - at)
        run, at = replace(run, waiting_since=plan.values["waiting_since"]), plan.values["due_at"]
    assert waits[:4] == [timedelta(seconds=seconds) for seconds in (2, 2, 4, 8)]
    assert waits == sorted(waits)
    assert waits[-1] == MOST_PATIENCE


@pytest.mark.parametrize(
    "ends",
    [
        lambda run: plan_step(run, Progress({}, 0), at=NOON),
        lambda run: plan_failure(run, "It rains.", at=NOON),
        lambda run: plan_failure(replace(run, attempts=MOST_ATTEMPTS), "It rains.", at=NOON),
        lambda run: plan_cancel(run, at=NOON),
    ],
)
def test_whatever_else_comes_of_a_batch_ends_the_waiting(ends):
    assert ends(ARun(lease=TOKEN, waiting_since=NOON)).values["waiting_since"] is None


@pytest.mark.parametrize(("status", "to"), list(product(RunStatus, RunStatus)))
def test_every_pair_of_statuses(status, to):
    moves = {
        RunStatus.RUNNING: lambda run: plan_take(run, lease=TOKEN, at=NOON, until=NOON),
        RunStatus.CANCELLED: lambda run: plan_cancel(run, at=NOON),
        RunStatus.QUEUED: lambda run: plan_retry(run, at=NOON),
        RunStatus.DONE: lambda run: plan_step(run, Progress({}, 0, finished=True), at=NOON),
        RunStatus.FAILED: lambda run: plan_failure(run, "x", at=NOON),
    }
    run = ARun(status, attempts=MOST_ATTEMPTS - 1)
    if status == to == RunStatus.RUNNING or to in ALLOWED.targets(status):
        assert moves[to](run).values.get("status", status) == to
    elif to in {RunStatus.CANCELLED, RunStatus.QUEUED, RunStatus.DONE, RunStatus.FAILED}:
        with pytest.raises(RuleBroken):
            moves[to](run)


def test_what_people_ask_for_has_the_scope_of_its_asking_and_the_rest_that_of_all_runs():
    assert asked_by("imports.try") == Scope.imports_write
    assert asked_by("rfm.score") == Scope.analytics_write
    assert asked_by("contacts.erase") == Scope.privacy_write
    assert asked_by("unheard.of") == Scope.runs_write


def test_pauses_double_up_to_the_last_attempt():
    assert [pause(failed) for failed in range(1, MOST_ATTEMPTS)] == [
        timedelta(seconds=seconds) for seconds in (2, 4, 8, 16)
    ]
