"""Undoing by the log: what others have made of a field stays, everything else is as it was."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain.undo import Told, grouped, plan

VALUES = st.sampled_from([None, 1, True, "a", "b", ["a"]])
FIELDS = ("name", "tags", "custom.x", "custom.y", "external_ids.crm")
STEPS = st.lists(
    st.tuples(st.booleans(), st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1)), max_size=8
)
START = st.fixed_dictionaries(dict.fromkeys(FIELDS, VALUES))


def whole(flat: dict[str, Any]) -> dict[str, Any]:
    """As a record holds it."""
    return grouped(flat, {"custom": {}, "external_ids": {}})


def played(
    start: dict[str, Any], steps: list[tuple[bool, dict[str, Any]]]
) -> tuple[list[Told], dict[str, Any]]:
    """The log of the steps, newest first, and what they lead to."""
    now = dict(start)
    log: list[Told] = []
    for own, new in steps:
        heads = {name.partition(".")[0] for name in new}
        before, now = now, now | new
        parts = [{k: v for k, v in whole(one).items() if k in heads} for one in (before, now)]
        log.insert(0, Told(own, *parts))
    return log, now


@given(START, STEPS)
def test_with_nobody_else_at_it_everything_is_as_before(start: dict[str, Any], steps: list[Any]):
    log, now = played(start, [(True, new) for _, new in steps])
    undo = plan(log, whole(now))
    assert whole(now) | grouped(undo.back, whole(now)) == whole(start)
    assert not undo.left
    assert not undo.theirs


@given(START, STEPS)
def test_a_field_stops_where_others_have_left_it_different(start: dict[str, Any], steps: list[Any]):
    log, now = played(start, steps)
    undo = plan(log, whole(now))
    for field in FIELDS:
        states = [(False, start[field])]
        for own, new in steps:
            if repr(new.get(field, states[-1][1])) != repr(states[-1][1]):  # nothing is logged of what stays
                states.append((own, new[field]))
        here = states[-1][1]
        while mine := [place for place, (own, _) in enumerate(states) if own]:
            if repr(states[mine[-1]][1]) != repr(here):
                break
            states = states[: mine[-1]]
            here = states[-1][1]
        assert repr({**now, **undo.back}[field]) == repr(here), field


@given(START, STEPS)
def test_what_others_touch_last_stays_and_is_reported(start: dict[str, Any], steps: list[Any]):
    log, now = played(start, [*steps, (True, {"name": "mine", "tags": "mine"}), (False, {"name": "theirs"})])
    undo = plan(log, whole(now))
    assert "name" not in undo.back
    assert "name" in undo.theirs
    own = [place for place, (whose, new) in enumerate(steps) if whose and "name" in new]
    assert own or ("name" in undo.left) == (base_of(start, steps) != "theirs")


def base_of(start: dict[str, Any], steps: list[Any]) -> Any:
    """What the name is after these steps."""
    _, now = played(start, steps)
    return now["name"]


@given(START, STEPS, STEPS)
def test_two_that_are_undone_the_last_one_first_leave_nothing(
    start: dict[str, Any], first: list[Any], second: list[Any]
):
    one = [(True, new) for _, new in first]
    log, now = played(start, one + [(False, new) for _, new in second])
    turned = [Told(not change.own, change.before, change.after) for change in log]
    back = plan(turned, whole(now)).back
    log, now = played(start, [*one, *((False, new) for _, new in second), (False, dict(back))])
    undo = plan(log, whole(now))
    assert {name: repr(value) for name, value in {**now, **undo.back}.items()} == {
        name: repr(value) for name, value in start.items()
    }
    assert not undo.left


@given(START, STEPS)
def test_nothing_goes_back_that_stands_so_already(start: dict[str, Any], steps: list[Any]):
    log, now = played(start, steps)
    undo = plan(log, whole(now))
    assert all(repr(now[name]) != repr(old) for name, old in undo.back.items())
