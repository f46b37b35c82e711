"""Deals: every move between stages against a table written out, their history, what they are worth, and credit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise, product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.deals import amounts, moves
from app.domain.deals.moves import Approval, Asked, Entry, Plan, Verb
from app.domain.deals.targets import targets
from app.domain.errors import DomainError, Forbidden, InvalidInput, RuleBroken
from app.domain.moments import Now
from app.domain.pipelines.stages import Moves, Pipeline, Stage, StageKind
from tests.makers.pipelines import (
    BOSS,
    GUARDS,
    NOON,
    OWNER,
    PIPELINE,
    SELLER,
    VALUES,
    a_deal,
    certain,
    guard,
    lacks,
    pipelines,
    table,
)

RIVAL = UUID(int=9)
LATER = NOON + timedelta(hours=5)
ROLES = st.sets(st.sampled_from(["sales", "manager", "legal"])).map(frozenset)
VERBS: dict[Verb, Callable[[Any, Pipeline, str, Asked], Plan]] = {
    Verb.MOVE: moves.plan_move,
    Verb.WIN: lambda deal, pipeline, to, asked: moves.plan_win(deal, pipeline, asked, stage=to),
    Verb.LOSE: lambda deal, pipeline, to, asked: moves.plan_lose(
        deal, pipeline, asked, reason="Too dear", stage=to
    ),
    Verb.REOPEN: lambda deal, pipeline, to, asked: moves.plan_reopen(deal, pipeline, asked, to=to),
}

ENDS = {Verb.MOVE: "open", Verb.WIN: "won", Verb.LOSE: "lost", Verb.REOPEN: "open"}


def asked(at: datetime = LATER, roles: frozenset[str] = frozenset(), why: str | None = None) -> Asked:
    """As SELLER; every business hour is half an hour."""
    return Asked(SELLER, roles, Now(at, "Asia/Shanghai"), lambda a, b: int((b - a).total_seconds()) // 2, why)


def refusal(verb: Verb, deal: Any, pipeline: Pipeline, to: str, ask: Asked) -> str | None:
    """The code that a verb is refused with; None for none."""
    try:
        VERBS[verb](deal, pipeline, to, ask)
    except RuleBroken as refused:
        return refused.code
    return None


def expected(verb: Verb, deal: Any, pipeline: Pipeline, to: str, ask: Asked) -> str | None:
    """The same, spelled out: the first of these that is so."""
    stages = {one.key: one for one in pipeline.stages}
    start, stage = stages[deal["stage"]], stages[to]
    order = [one.key for one in pipeline.stages if one.kind == "open"]
    reopens, is_open = verb == "reopen", start.kind == "open"
    goes_on = is_open and (verb == "win" or (to in order and order.index(to) > order.index(start.key)))
    required = [*(start.on_exit if goes_on else ()), *stage.on_entry]
    approved = any(
        one.stage == to and one.at >= deal["entered_at"] and one.amount == deal["amount"]
        for one in deal["approvals"]
    )
    reasons = {
        "archived": deal["archived_at"] is not None,
        "deal_open": reopens and is_open,
        "pipeline_keeps_closed": reopens and not pipeline.moves.reopened,
        "deal_closed": not reopens and not is_open,
        "stage_of_another_verb": stage.kind != ENDS[verb],
        "already_there": start.key == to,
        "stage_not_allowed": (start.key, to) not in table(pipeline),
        "fields_missing": any(lacks(deal, name) for name in required),
        "guard_refused": not all(GUARDS[one.reason].holds(deal, ask.now.at) for one in stage.guards),
        "amount_missing": verb == "win" and deal["amount"] is None,
        "approval_needed": bool(stage.approvers) and not stage.approvers & ask.roles and not approved,
    }
    return next((code for code, is_so in reasons.items() if is_so), None)


def strict(forward: int, back: int, *, listed: bool, reopened: bool) -> Pipeline:
    """Every stage asks for everything: a guard, a field on entry, one on exit, and approval."""
    kinds = {"a": "open", "b": "open", "c": "open", "won": "won", "lost": "lost"}
    made = tuple(
        Stage(
            key,
            key,
            StageKind(kind),
            certain(StageKind(kind)),
            None,
            ("city",),
            ("custom.size",),
            (guard("The expected close lies in the past."),),
            frozenset({"manager"}),
        )
        for key, kind in kinds.items()
    )
    pairs = frozenset({("a", "c"), ("b", "won")}) if listed else frozenset()
    back_to = frozenset({"b"}) if reopened else frozenset()
    return Pipeline(PIPELINE, "Sales", made, Moves(forward, back, pairs, reopened=back_to))


LACKING: dict[str, dict[str, Any]] = {
    "nothing": {},
    "entry": {"city": " "},
    "exit": {"custom": {}},
    "guard": {"expected_close": NOON.date() - timedelta(days=1)},
    "amount": {"amount": None},
    "archived": {"archived_at": NOON},
    "all": {"city": None, "custom": {}, "expected_close": None, "amount": None},
}
APPROVED: dict[str, tuple[frozenset[str], list[Approval]]] = {
    "by role": (frozenset({"manager"}), []),
    "not at all": (frozenset({"sales"}), []),
    "before": (
        frozenset(),
        [Approval(to, BOSS, NOON, a_deal("a")["amount"], "CNY") for to in ("a", "b", "c", "won", "lost")],
    ),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("start", ["a", "b", "c", "won", "lost"])
def test_every_combination_of_stages_kinds_guards_fields_and_approval(start: str, verb: Verb):
    met = set()
    for forward, back, listed, reopened in product((0, 1, 2, 3), (0, 1, 2), (False, True), (False, True)):
        pipeline = strict(forward, back, listed=listed, reopened=reopened)
        for to, lacking, (roles, approvals) in product(
            ("a", "b", "c", "won", "lost"), LACKING.values(), APPROVED.values()
        ):
            deal = a_deal(start, **lacking, approvals=approvals)
            ask = asked(roles=roles)
            code = refusal(verb, deal, pipeline, to, ask)
            assert code == expected(verb, deal, pipeline, to, ask), (pipeline.moves, to, lacking, roles)
            met.add(code)
    closed = start in {"won", "lost"}
    if closed is (verb is Verb.REOPEN):
        assert {None, "archived", "stage_of_another_verb", "fields_missing", "guard_refused"} <= met
        assert "approval_needed" in met
    else:
        assert met == {"archived", "deal_open" if verb is Verb.REOPEN else "deal_closed"}


APPROVALS = st.lists(
    st.builds(
        Approval,
        st.sampled_from(["o0", "o1", "w0", "l0"]),
        st.just(BOSS),
        st.sampled_from([NOON - timedelta(seconds=1), NOON, NOON + timedelta(hours=1)]),
        st.sampled_from([None, Decimal(100), Decimal("12345.6789")]),
    ),
    max_size=3,
)


@st.composite
def standing(draw: st.DrawFn) -> tuple[Pipeline, dict[str, Any]]:
    """A deal somewhere in a pipeline."""
    pipeline = draw(pipelines())
    stage = draw(st.sampled_from(pipeline.stages))
    closed = stage.kind != "open"
    deal = a_deal(stage.key, **draw(VALUES), approvals=draw(APPROVALS))
    deal["closed_at"] = NOON if closed else None
    deal["closed_from"] = draw(st.sampled_from(["o0", "o3", None])) if closed else None
    deal["archived_at"] = draw(st.sampled_from([None, None, None, NOON]))
    return pipeline, deal


@settings(deadline=None, max_examples=200)
@given(standing(), ROLES)
def test_every_verb_to_every_stage_of_any_pipeline_does_what_the_table_says(placed, roles):
    pipeline, deal = placed
    ask = asked(roles=roles)
    for verb, stage in product(VERBS, pipeline.stages):
        code = refusal(verb, deal, pipeline, stage.key, ask)
        assert code == expected(verb, deal, pipeline, stage.key, ask), (verb, deal["stage"], stage.key)


@settings(deadline=None, max_examples=200)
@given(standing(), ROLES)
def test_the_targets_are_what_the_plans_then_do(placed, roles):
    pipeline, deal = placed
    ask = asked(roles=roles)
    told = targets(deal, pipeline, roles, ask.now)
    assert [one.stage for one in told] == [one.key for one in pipeline.stages]
    for one in told:
        if one.allowed:
            assert VERBS[one.verb](deal, pipeline, one.stage, ask).after["stage"] == one.stage
            assert (one.code, one.reason, one.facts) == (None, None, {})
        else:
            with pytest.raises(RuleBroken) as refused:
                VERBS[one.verb](deal, pipeline, one.stage, ask)
            assert (one.code, one.reason, one.facts) == (
                refused.value.code,
                refused.value.detail,
                refused.value.facts,
            )
    reachable = {one.stage for one in told if one.allowed}
    for verb, stage in product(VERBS, pipeline.stages):
        if refusal(verb, deal, pipeline, stage.key, ask) is None:
            assert stage.key in reachable


def test_targets_tell_who_must_approve_and_what_is_missing():
    pipeline = strict(2, 1, listed=False, reopened=False)
    told = {one.stage: one for one in targets(a_deal("a"), pipeline, frozenset(), asked().now)}
    assert told["b"].code == "approval_needed"
    assert told["b"].reason == "The stage b needs approval by manager."
    assert told["b"].facts == {"roles": ["manager"]}
    assert (told["a"].code, told["won"].code) == ("already_there", "stage_not_allowed")
    assert told["won"].facts == {"allowed": ["b", "c", "lost"]}
    assert (told["won"].verb, told["lost"].verb) == (Verb.WIN, Verb.LOSE)
    lacking = a_deal("a", city="", custom={})
    told = {one.stage: one for one in targets(lacking, pipeline, frozenset({"manager"}), asked().now)}
    assert told["b"].facts == {"fields": ["custom.size"]}
    assert told["lost"].facts == {"fields": ["city"]}
    assert told["lost"].reason == "The stage lost needs city; fill in what is missing."


def test_a_guard_moves_with_the_clock_in_the_organisations_own_days():
    pipeline = strict(1, 0, listed=False, reopened=False)
    today = NOON.date()  # noon is evening in Shanghai, and four hours later the next day begins there
    deal, roles = a_deal("a", expected_close=today), frozenset({"manager"})
    last = datetime(2026, 3, 2, 15, 59, 59, tzinfo=UTC)
    assert refusal(Verb.MOVE, deal, pipeline, "b", asked(last, roles)) is None
    assert (
        refusal(Verb.MOVE, deal, pipeline, "b", asked(last + timedelta(seconds=1), roles)) == "guard_refused"
    )


def simple(**rest: Any) -> Pipeline:
    """Five stages that ask for nothing."""
    made = [Stage(key, key, StageKind.OPEN, Decimal("0.25")) for key in ("a", "b", "c")]
    made += [Stage(key, key, StageKind.WON, Decimal(1)) for key in ("won", "upsold")]
    made += [Stage(key, key, StageKind.LOST, Decimal(0)) for key in ("lost", "gone")]
    return Pipeline(PIPELINE, "Sales", tuple(made), Moves(**rest))


OPEN_ALL = simple(forward=3, back=2, reopened=frozenset({"a", "b"}))


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (lambda: moves.plan_move(a_deal("won"), OPEN_ALL, "a", asked()), "deal_closed"),
        (lambda: moves.plan_move(a_deal("lost"), OPEN_ALL, "won", asked()), "deal_closed"),
        (lambda: moves.plan_win(a_deal("lost"), OPEN_ALL, asked()), "deal_closed"),
        (lambda: moves.plan_lose(a_deal("won"), OPEN_ALL, asked(), reason="x"), "deal_closed"),
        (lambda: moves.plan_move(a_deal("a"), OPEN_ALL, "elsewhere", asked()), "stage_not_in_pipeline"),
        (lambda: moves.plan_open(a_deal("a"), OPEN_ALL, asked(), stage="x"), "stage_not_in_pipeline"),
        (
            lambda: moves.plan_move(a_deal("a", pipeline_id=UUID(int=9)), OPEN_ALL, "b", asked()),
            "pipeline_differs",
        ),
        (lambda: moves.plan_win(a_deal("a", amount=None), OPEN_ALL, asked()), "amount_missing"),
        (lambda: moves.plan_lose(a_deal("a"), OPEN_ALL, asked(), reason=""), "lost_reason_missing"),
        (lambda: moves.plan_lose(a_deal("a"), OPEN_ALL, asked(), reason=" \n"), "lost_reason_missing"),
        (lambda: moves.plan_lose(a_deal("a"), OPEN_ALL, asked(), reason="x" * 501), "lost_reason_too_long"),
        (lambda: moves.plan_reopen(a_deal("a"), OPEN_ALL, asked()), "deal_open"),
        (lambda: moves.plan_reopen(a_deal("won"), simple(), asked()), "pipeline_keeps_closed"),
        (lambda: moves.plan_reopen(a_deal("won"), OPEN_ALL, asked(), to="c"), "stage_not_allowed"),
        (lambda: moves.plan_open(a_deal("a"), OPEN_ALL, asked(), stage="b"), "stage_not_allowed"),
        (lambda: moves.plan_open(a_deal("a"), OPEN_ALL, asked(), stage="won"), "stage_not_allowed"),
        (lambda: moves.plan_move(a_deal("a"), OPEN_ALL, "won", asked()), "stage_of_another_verb"),
        (lambda: moves.plan_win(a_deal("a"), OPEN_ALL, asked(), stage="lost"), "stage_of_another_verb"),
        (
            lambda: moves.plan_move(a_deal("a"), OPEN_ALL, "b", asked(NOON - timedelta(seconds=1))),
            "before_entered",
        ),
        (
            lambda: moves.plan_relocate(a_deal("x"), OPEN_ALL, "b", asked(NOON - timedelta(seconds=1))),
            "before_entered",
        ),
        (lambda: moves.plan_relocate(a_deal("x"), OPEN_ALL, "elsewhere", asked()), "stage_not_in_pipeline"),
        (lambda: moves.plan_reassign(a_deal("a"), OWNER), "owner_unchanged"),
        (lambda: moves.plan_reassign(a_deal("a", archived_at=NOON), SELLER), "archived"),
        (lambda: moves.plan_split(a_deal("a", archived_at=NOON), [(OWNER, Decimal(100))]), "archived"),
        (lambda: moves.plan_approve(a_deal("a"), OPEN_ALL, "b", asked()), "approval_not_needed"),
        (lambda: moves.plan_approve(a_deal("a"), simple(), "c", asked()), "stage_not_allowed"),
    ],
)
def test_bad_input_is_a_named_problem(plan: Callable[[], Any], code: str):
    with pytest.raises(DomainError) as refused:
        plan()
    assert refused.value.code == code
    assert refused.value.detail.endswith(".")


def test_a_new_deal_stands_in_the_stage_it_is_opened_in():
    plan = moves.plan_open({"amount": None}, OPEN_ALL, asked(why="met at the fair"))
    assert plan.after == {
        "pipeline_id": PIPELINE,
        "stage": "a",
        "entered_at": LATER,
        "closed_at": None,
        "closed_from": None,
    }
    assert plan.entry == Entry(Verb.OPEN, None, "a", LATER, SELLER, "met at the fair", None, None)
    several = simple(entries=frozenset({"b", "c"}))
    assert moves.plan_open({}, several, asked()).after["stage"] == "b"
    assert moves.plan_open({}, several, asked(), stage="c").after["stage"] == "c"


@pytest.mark.parametrize(
    ("lacking", "roles", "code"),
    [
        ({"city": ""}, {"manager"}, "fields_missing"),
        ({"expected_close": None}, {"manager"}, "guard_refused"),
        ({}, {"sales"}, "approval_needed"),
        ({"custom": {}}, {"manager"}, None),
    ],
)
def test_the_first_stage_asks_of_a_new_deal_what_it_asks_of_any(lacking, roles, code):
    deal, ask = a_deal("a", **lacking), asked(roles=frozenset(roles))
    pipeline = strict(1, 0, listed=False, reopened=False)
    if code is None:
        assert moves.plan_open(deal, pipeline, ask).after["stage"] == "a"
        return
    with pytest.raises(RuleBroken) as refused:
        moves.plan_open(deal, pipeline, ask)
    assert refused.value.code == code


def test_each_move_says_what_is_written_and_how_long_the_deal_stood():
    move = moves.plan_move(a_deal("a", probability=Decimal("0.9")), OPEN_ALL, "b", asked(why="they called"))
    assert move.after == {"stage": "b", "entered_at": LATER, "probability": None}
    assert move.entry == Entry(Verb.MOVE, "a", "b", LATER, SELLER, "they called", 18_000, 9_000)
    win = moves.plan_win(a_deal("c"), OPEN_ALL, asked())
    assert win.after == {
        "stage": "won",
        "entered_at": LATER,
        "closed_at": LATER,
        "closed_from": "c",
        "credit": {OWNER: Decimal(100)},
    }
    assert win.entry == Entry(Verb.WIN, "c", "won", LATER, SELLER, None, 18_000, 9_000)
    lose = moves.plan_lose(a_deal("b"), OPEN_ALL, asked(), reason=" Too dear ", lost_to=RIVAL, stage="gone")
    assert lose.after == {
        "stage": "gone",
        "entered_at": LATER,
        "closed_at": LATER,
        "closed_from": "b",
        "lost_reason": "Too dear",
        "lost_to_id": RIVAL,
    }
    assert lose.entry.verb == Verb.LOSE
    reopened = moves.plan_reopen(a_deal("lost", closed_from="b"), OPEN_ALL, asked())
    assert reopened.after == {
        "stage": "b",
        "entered_at": LATER,
        "closed_at": None,
        "closed_from": None,
        "lost_reason": None,
        "lost_to_id": None,
        "probability": None,
    }
    assert moves.plan_win(a_deal("c"), OPEN_ALL, asked(), stage="upsold").after["stage"] == "upsold"
    assert moves.plan_win(a_deal("c", amount=Decimal(0)), OPEN_ALL, asked()).after["stage"] == "won"
    shared = {OWNER: Decimal(60), BOSS: Decimal(40)}
    assert moves.plan_win(a_deal("c", credit=shared), OPEN_ALL, asked()).after["credit"] == shared
    assert moves.plan_win(a_deal("c", owner_id=None), OPEN_ALL, asked()).after["credit"] == {}


def test_a_deal_comes_back_to_where_it_was_closed_or_to_the_first_stage_that_takes_it():
    for former, to in (("b", "b"), ("c", "a"), (None, "a")):
        deal = a_deal("won", closed_from=former, closed_at=NOON)
        assert moves.plan_reopen(deal, OPEN_ALL, asked()).after["stage"] == to
    assert moves.plan_reopen(a_deal("won", closed_from="b"), OPEN_ALL, asked(), to="a").after["stage"] == "a"


def test_a_lost_stage_may_ask_for_the_reason_that_comes_with_the_loss():
    lost = Stage("lost", "Lost", StageKind.LOST, Decimal(0), on_entry=("lost_reason",))
    pipeline = Pipeline(PIPELINE, "Sales", (*OPEN_ALL.stages[:5], lost), Moves())
    assert moves.plan_lose(a_deal("a"), pipeline, asked(), reason="Too dear").after["stage"] == "lost"
    assert targets(a_deal("a"), pipeline, frozenset(), asked().now)[-1].allowed


def test_a_deal_whose_stage_is_gone_is_sent_on_without_being_asked():
    pipeline = strict(1, 0, listed=False, reopened=False)
    plan = moves.plan_relocate(a_deal("former", **LACKING["all"], archived_at=NOON), pipeline, "b", asked())
    assert plan.after == {"stage": "b", "entered_at": LATER, "probability": None, "closed_from": None}
    assert plan.entry == Entry(Verb.RELOCATE, "former", "b", LATER, SELLER, None, 18_000, 9_000)
    kept = moves.plan_relocate(a_deal("former", closed_from="c"), pipeline, "won", asked())
    assert "closed_from" not in kept.after


def test_an_approval_holds_for_the_stage_and_the_amount_until_the_deal_goes_anywhere():
    pipeline = strict(1, 1, listed=False, reopened=False)
    deal = a_deal("a")
    with pytest.raises(Forbidden) as refused:
        moves.plan_approve(deal, pipeline, "b", asked(roles=frozenset({"sales"})))
    assert refused.value.code == "approval_role_missing"
    given_one = moves.plan_approve(deal, pipeline, "b", asked(roles=frozenset({"manager"})))
    assert given_one == Approval("b", SELLER, LATER, deal["amount"], "CNY")
    approved = deal | {"approvals": [given_one]}
    ask = asked(LATER + timedelta(hours=1))
    assert refusal(Verb.MOVE, approved, pipeline, "b", ask) is None
    assert refusal(Verb.LOSE, approved, pipeline, "lost", ask) == "approval_needed"
    assert refusal(Verb.MOVE, approved | {"amount": Decimal(9)}, pipeline, "b", ask) == "approval_needed"
    assert refusal(Verb.MOVE, approved | {"currency": "USD"}, pipeline, "b", ask) == "approval_needed"
    gone = approved | {"entered_at": LATER + timedelta(seconds=1)}
    assert refusal(Verb.MOVE, gone, pipeline, "b", ask) == "approval_needed"


STEPS = st.lists(
    st.tuples(
        st.sampled_from([*VERBS, "reassign", "split", "archive", "restore"]),
        st.integers(0, 8),
        st.integers(0, 10**11),
        ROLES,
        VALUES,
    ),
    min_size=1,
    max_size=25,
)


@settings(deadline=None, max_examples=200)
@given(pipelines(), STEPS)
def test_whatever_is_tried_the_history_is_legal_and_tells_the_deal(pipeline, steps):
    keys = [one.key for one in pipeline.stages]
    kinds = {one.key: one.kind for one in pipeline.stages}
    everybody = frozenset({"sales", "manager", "legal"})
    deal = a_deal("nowhere", custom={"size": 5})
    try:
        opened = moves.plan_open(deal, pipeline, asked(NOON, everybody))
    except RuleBroken:
        return
    deal |= opened.after
    history, at = [opened.entry], NOON
    for verb, place, microseconds, roles, values in steps:
        at += timedelta(microseconds=microseconds)
        deal |= values if not deal["closed_at"] else {}
        before = dict(deal)
        try:
            if verb in VERBS:
                plan = VERBS[verb](deal, pipeline, keys[place % len(keys)], asked(at, roles))
                history.append(plan.entry)
                deal |= plan.after
            elif verb == "reassign":
                deal |= moves.plan_reassign(deal, [OWNER, SELLER, BOSS][place % 3])
            elif verb == "split":
                deal |= moves.plan_split(deal, [(OWNER, Decimal(60)), (BOSS, Decimal(40))])
            else:
                deal["archived_at"] = at if verb == "archive" else None
        except RuleBroken:
            assert deal == before
        assert (
            (deal["closed_at"] is None) == (kinds[deal["stage"]] == "open") == (deal["closed_from"] is None)
        )
        assert (deal["lost_reason"] is not None) == (kinds[deal["stage"]] == "lost")
        assert sum((deal["credit"] or {OWNER: 100}).values()) == 100
        if kinds[deal["stage"]] == "won":
            assert deal["credit"]
            assert deal["amount"] is not None
    assert history[0].from_stage is None
    assert history[0].to_stage in (pipeline.moves.entries or {keys[0]})
    for one, after in pairwise(history):
        assert after.from_stage == one.to_stage
        assert (after.from_stage, after.to_stage) in table(pipeline)
        assert after.at >= one.at
        assert after.seconds == (after.at - one.at) // timedelta(seconds=1)
        assert after.business_seconds == int((after.at - one.at).total_seconds()) // 2
        closes = kinds[after.to_stage]
        assert after.verb == (
            "reopen"
            if kinds[after.from_stage] != "open"
            else {"open": "move", "won": "win", "lost": "lose"}[closes]
        )
    assert (history[-1].to_stage, history[-1].at) == (deal["stage"], deal["entered_at"])


SMALL = st.decimals(0, 9999, places=4)
LINES = st.lists(st.fixed_dictionaries({"quantity": SMALL, "unit_price": SMALL}), min_size=1, max_size=6)
WORTH = st.decimals(0, "9999999999999999.9999", places=4)


def exact(value: Fraction) -> Decimal:
    """Half up, to four decimals, by whole numbers alone."""
    return Decimal((value * 10_000 * 2 + 1).__floor__() // 2).scaleb(-4)


@given(LINES)
def test_an_amount_is_what_the_lines_add_up_to(lines):
    total = sum((exact(Fraction(one["quantity"]) * Fraction(one["unit_price"])) for one in lines), Decimal(0))
    assert amounts.worth(None, lines).amount == amounts.worth(total, lines).amount == total
    with pytest.raises(InvalidInput) as refused:
        amounts.worth(total + Decimal("0.0001"), lines)
    assert refused.value.code == "amount_differs"


@pytest.mark.parametrize("own", ["-0.0001", "1E16", "9999999999999999.99995", "NaN", "Infinity", "1E40"])
def test_an_amount_that_cannot_be_kept_is_refused_by_name(own: str):
    for lines in ([], [{"quantity": 1, "unit_price": 1}]):
        with pytest.raises(InvalidInput) as refused:
            amounts.worth(Decimal(own), lines)
        assert refused.value.code == "amount_out_of_range"


def test_an_amount_of_its_own_is_kept_to_four_decimals_or_not_at_all():
    assert amounts.worth(None, []).amount is None
    assert amounts.worth(Decimal("1.00005"), []).amount == Decimal("1.0001")
    assert amounts.worth(Decimal("9999999999999999.9999"), []).amount == Decimal("9999999999999999.9999")


def test_lines_that_do_not_add_up_are_refused_in_the_words_of_deals():
    with pytest.raises(InvalidInput) as refused:
        amounts.worth(None, [{"quantity": 1, "unit_price": 1, "discount": 2}])
    assert refused.value.code == "line_below_zero"
    price = Decimal("999999999999.9999")
    with pytest.raises(InvalidInput) as refused:
        amounts.worth(None, [{"quantity": 10_000, "unit_price": price}] * 2)
    assert refused.value.code == "total_too_large"
    assert "The deal" in refused.value.detail
    with pytest.raises(InvalidInput) as refused:
        amounts.worth(None, [{"quantity": -1, "unit_price": 5}])
    assert refused.value.code == "amount_out_of_range"


@given(WORTH, st.decimals(0, 1, places=4))
def test_the_weighted_amount_is_exact(worth, likely):
    product = Fraction(worth) * Fraction(likely)
    assert amounts.weighted(worth, likely) == exact(product)
    assert amounts.weighted(worth, likely) == (worth * likely).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    assert amounts.weighted(None, likely) is None


def test_the_probability_is_the_deals_own_or_its_stages_and_certain_when_closed():
    opening, won, lost = (OPEN_ALL.stage(key) for key in ("a", "won", "lost"))
    own = Decimal("0.8")
    assert [amounts.probability(own, one) for one in (opening, won, lost)] == [own, 1, 0]
    assert [amounts.probability(None, one) for one in (opening, won, lost)] == [Decimal("0.25"), 1, 0]
    assert amounts.probability(Decimal(0), opening) == 0
    for wrong in ("1.0001", "-0.1", "0.12345", "NaN", "Infinity"):
        with pytest.raises(InvalidInput) as refused:
            amounts.probability(Decimal(wrong), opening)
        assert refused.value.code == "probability_out_of_range"


@pytest.mark.parametrize(
    ("shares", "code"),
    [
        ([], "credit_owners"),
        ([(UUID(int=n), Decimal(4)) for n in range(25)], "credit_owners"),
        ([(OWNER, Decimal(50)), (OWNER, Decimal(50))], "credit_owner_twice"),
        ([(OWNER, Decimal(0)), (BOSS, Decimal(100))], "credit_share_invalid"),
        ([(OWNER, Decimal(-1)), (BOSS, Decimal(101))], "credit_share_invalid"),
        ([(OWNER, Decimal("33.33333")), (BOSS, Decimal("66.66667"))], "credit_share_invalid"),
        ([(OWNER, Decimal("NaN"))], "credit_share_invalid"),
        ([(OWNER, Decimal("99.9999"))], "credit_not_whole"),
        ([(OWNER, Decimal(60)), (BOSS, Decimal("40.0001"))], "credit_not_whole"),
    ],
)
def test_credit_that_does_not_add_up_is_refused_by_name(shares, code):
    with pytest.raises(InvalidInput) as refused:
        moves.plan_split(a_deal("a"), shares)
    assert refused.value.code == code


CREDIT = st.lists(st.integers(1, 999_999), max_size=19, unique=True).map(
    lambda cuts: {
        UUID(int=n + 1): Decimal(b - a).scaleb(-4)
        for n, (a, b) in enumerate(pairwise([0, *sorted(cuts), 1_000_000]))
    }
)


@given(CREDIT, WORTH)
def test_credit_is_kept_as_given_and_its_parts_add_up_to_the_amount(credit, worth):
    assert moves.plan_split(a_deal("won"), [*credit.items()]) == {"credit": credit}
    parts = amounts.credited(worth, credit)
    assert parts.keys() == credit.keys()
    assert sum(parts.values()) == worth
    for owner, part in parts.items():
        assert abs(Fraction(part) - Fraction(worth) * Fraction(credit[owner]) / 100) < Fraction(1, 10_000)
    assert amounts.credited(worth, dict(reversed(credit.items()))) == parts


def test_what_is_left_over_goes_to_who_lost_most_by_rounding():
    thirds = {OWNER: Decimal("33.3333"), SELLER: Decimal("33.3333"), BOSS: Decimal("33.3334")}
    assert amounts.credited(Decimal("0.0002"), thirds) == {
        OWNER: Decimal("0.0001"),
        SELLER: Decimal(0),
        BOSS: Decimal("0.0001"),
    }


@pytest.mark.parametrize(
    ("over", "after"),
    [
        ({}, {"owner_id": SELLER}),
        ({"credit": {OWNER: Decimal(100)}}, {"owner_id": SELLER, "credit": {SELLER: Decimal(100)}}),
        (
            {"credit": {OWNER: Decimal(60), BOSS: Decimal(40)}},
            {"owner_id": SELLER, "credit": {SELLER: Decimal(60), BOSS: Decimal(40)}},
        ),
        (
            {"credit": {OWNER: Decimal(60), SELLER: Decimal(40)}},
            {"owner_id": SELLER, "credit": {SELLER: Decimal(100)}},
        ),
        ({"credit": {BOSS: Decimal(100)}}, {"owner_id": SELLER}),
        ({"credit": {OWNER: Decimal(100)}, "closed_at": NOON}, {"owner_id": SELLER}),
    ],
)
def test_a_new_owner_takes_over_the_credit_of_an_open_deal(over, after):
    deal = a_deal("a", **over)
    assert moves.plan_reassign(deal, SELLER) == after
    assert deal == a_deal("a", **over)
