"""Pipelines: which stage may follow which, what is wrong with one, templates, and changes under deals."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidInput, RuleBroken
from app.domain.pipelines import changes, definitions, templates
from app.domain.pipelines.stages import Moves, Pipeline, Stage, StageKind
from tests.makers.pipelines import FIELDS, PIPELINE, ROLES, pipelines, table

TEMPLATES = [
    pytest.param(template, chinese, id=f"{key}-{'zh' if chinese else 'en'}")
    for (key, template), chinese in product(templates.TEMPLATES.items(), (False, True))
]


def plain(forward: int, back: int, **rest: Any) -> Pipeline:
    kinds = {"a": "open", "b": "open", "c": "open", "won": "won", "lost": "lost"}
    odds = {"won": Decimal(1), "lost": Decimal(0)}
    listed = tuple(
        Stage(key, key, StageKind(kind), odds.get(kind, Decimal("0.5"))) for key, kind in kinds.items()
    )
    return Pipeline(PIPELINE, "Sales", listed, Moves(forward, back, **rest))


@pytest.mark.parametrize(
    ("pipeline", "ways"),
    [
        (plain(1, 0), "ab bc cW aL bL cL"),
        (plain(2, 0), "ab ac bc bW cW aL bL cL"),
        (plain(3, 0), "ab ac aW bc bW cW aL bL cL"),
        (plain(1, 1), "ab ba bc cb cW aL bL cL"),
        (plain(1, 2), "ab ba bc ca cb cW aL bL cL"),
        (plain(0, 0), "aL bL cL"),
        (plain(0, 0, listed=frozenset({("a", "c"), ("c", "won")})), "ac cW aL bL cL"),
        (plain(1, 0, reopened=frozenset({"b"})), "ab bc cW aL bL cL Wb Lb"),
    ],
)
def test_moves_are_counted_in_steps_listed_or_reopen(pipeline: Pipeline, ways: str):
    names = {"W": "won", "L": "lost"}
    expected = {(names.get(way[0], way[0]), names.get(way[1], way[1])) for way in ways.split()}
    found = {(a.key, b.key) for a, b in product(pipeline.stages, repeat=2) if pipeline.allows(a, b)}
    assert found == expected == table(pipeline)


@settings(deadline=None, max_examples=200)
@given(pipelines())
def test_every_pair_of_stages_of_any_pipeline_is_a_move_or_refused(pipeline: Pipeline):
    for start, to in product(pipeline.stages, repeat=2):
        assert pipeline.allows(start, to) is ((start.key, to.key) in table(pipeline)), (start.key, to.key)
    for start in pipeline.stages:
        keys = [to.key for to in pipeline.following(start)]
        assert keys == [one.key for one in pipeline.stages if (start.key, one.key) in table(pipeline)]


@settings(deadline=None, max_examples=200)
@given(pipelines())
def test_what_cannot_be_reached_or_won_is_found(pipeline: Pipeline):
    far = table(pipeline)
    while more := {(a, d) for a, b in far for c, d in far if b == c} - far:
        far |= more
    opening = [one.key for one in pipeline.stages if one.kind == "open"]
    entries = pipeline.moves.entries or {opening[0]}
    # What leads on to winning may not lead by way of a deal that was won or lost before.
    ahead = {(a, b) for a, b in table(pipeline) if a in opening}
    while more := {(a, d) for a, b in ahead for c, d in ahead if b == c} - ahead:
        ahead |= more
    expected = {}
    for stage in pipeline.stages:
        if stage.key not in entries and not any((entry, stage.key) in far for entry in entries):
            expected[stage.name] = "stage_unreachable"
        elif stage.kind == "open" and not any((stage.key, to) in ahead for to in ("w0", "w1")):
            expected[stage.name] = "stage_never_won"
    found = definitions.faults_of(pipeline, FIELDS, ROLES)
    assert [fault.code for fault in found] == list(expected.values())
    assert all(name in fault.detail for name, fault in zip(expected, found, strict=True))


@settings(deadline=None, max_examples=200)
@given(pipelines())
def test_a_pipeline_that_works_is_read_as_it_was_written(pipeline: Pipeline):
    raw = definitions.to_json(pipeline)
    if definitions.faults_of(pipeline, FIELDS, ROLES):
        with pytest.raises(InvalidInput) as refused:
            definitions.read(raw, FIELDS, ROLES)
        assert refused.value.code == "pipeline_invalid"
    else:
        assert definitions.read(raw, FIELDS, ROLES) == pipeline


@given(pipelines())
def test_whoever_learns_of_moves_must_read_all_that_they_look_at(pipeline: Pipeline):
    names = {"amount"}  # which winning asks for
    names |= {name for stage in pipeline.stages for name in (*stage.on_entry, *stage.on_exit)}
    tested = {
        "A deal this small is not quoted.": {"amount"},
        "Deals in 北京 go another way.": {"city"},
        "The expected close lies in the past.": {"expected_close"},
        "Only sized deals that are urgent.": {"custom.size", "tags"},
    }
    for stage in pipeline.stages:
        for guard in stage.guards:
            names |= tested[guard.reason]
    assert pipeline.told() == names


def raw() -> dict[str, Any]:
    """A pipeline that works, as JSON."""
    return definitions.to_json(plain(1, 1, reopened=frozenset({"a"})))


def stage(place: int, **over: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda one: one["stages"][place].update(over)


def moves(**over: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda one: one["moves"].update(over)


def without(*keys: str) -> Callable[[dict[str, Any]], Any]:
    return lambda one: one.update(stages=[s for s in one["stages"] if s["key"] not in keys])


@pytest.mark.parametrize(
    ("spoil", "code", "at", "words"),
    [
        (without("a", "b", "c"), "open_stage_missing", "/stages", "the kind open"),
        (without("won"), "won_stage_missing", "/stages", "the kind won"),
        (without("lost"), "lost_stage_missing", "/stages", "the kind lost"),
        (stage(1, key="a"), "stage_key_twice", "/stages/1/key", "'a'"),
        (stage(1, name=" A "), "stage_name_twice", "/stages/1/name", "' A '"),
        (stage(1, name=" "), "stage_name_missing", "/stages/1/name", "b needs a name"),
        (stage(1, key="B b"), "stage_key_invalid", "/stages/1/key", "'B b'"),
        (lambda one: one.update(name=""), "pipeline_name_missing", "/name", "name"),
        (
            lambda one: one["stages"].insert(0, one["stages"].pop()),
            "open_after_closed",
            "/stages/1/kind",
            "a is open",
        ),
        (stage(0, probability="1.0001"), "probability_out_of_range", "/stages/0/probability", "1.0001"),
        (stage(0, probability="-0.1"), "probability_out_of_range", "/stages/0/probability", "-0.1"),
        (stage(0, probability="0.12345"), "probability_out_of_range", "/stages/0/probability", "four"),
        (stage(3, probability="0.9"), "probability_not_certain", "/stages/3/probability", "is 1 and not 0.9"),
        (stage(4, probability="0.1"), "probability_not_certain", "/stages/4/probability", "is 0 and not 0.1"),
        (stage(0, expected_days=0), "expected_days_out_of_range", "/stages/0/expected_days", "0 days"),
        (stage(0, expected_days=3651), "expected_days_out_of_range", "/stages/0/expected_days", "3651"),
        (stage(3, expected_days=5), "expected_days_of_closed", "/stages/3/expected_days", "won is won"),
        (stage(1, on_entry=["amount", "age"]), "field_unknown", "/stages/1/on_entry/1", "'age'"),
        (stage(1, on_exit=["age"]), "field_unknown", "/stages/1/on_exit/0", "'age'"),
        (stage(1, approvers=["pope"]), "role_unknown", "/stages/1/approvers", "'pope'"),
        (
            stage(
                1,
                guards=[{"condition": {"any": [{"field": "age", "op": "gt", "value": 1}]}, "reason": "No."}],
            ),
            "guard_invalid",
            "/stages/1/guards/0/condition/any/0/field",
            'no field "age"',
        ),
        (
            stage(1, guards=[{"condition": {"all": []}, "reason": " "}]),
            "guard_reason_missing",
            "/stages/1/guards/0/reason",
            "Guard 1 of the stage b",
        ),
        (
            stage(1, guards=[{"condition": {"all": []}, "reason": "No."}] * 21),
            "guards_too_many",
            "/stages/1/guards",
            "20",
        ),
        (moves(forward=-1), "steps_below_zero", "/moves/forward", "-1 steps forward"),
        (moves(back=-2), "steps_below_zero", "/moves/back", "-2 steps back"),
        (moves(entries=["won"]), "stage_not_open", "/moves/entries", "opened in 'won', which is closed"),
        (moves(entries=["x"]), "stage_not_open", "/moves/entries", "is no stage"),
        (moves(reopened=["lost"]), "stage_not_open", "/moves/reopened", "reopened in 'lost'"),
        (moves(listed=[["a", "x"]]), "pair_invalid", "/moves/listed", "names 'x'"),
        (moves(listed=[["a", "a"]]), "pair_invalid", "/moves/listed", "nowhere"),
        (moves(listed=[["won", "a"]]), "pair_invalid", "/moves/listed", "begins in a stage that is won"),
        (moves(listed=[["a", "lost"]]), "pair_invalid", "/moves/listed", "need not be listed"),
        (moves(back=0, entries=["b"], reopened=[]), "stage_unreachable", "/stages/0", "the stage a"),
        (
            moves(forward=0, listed=[["a", "b"], ["a", "c"], ["a", "won"]], back=0),
            "stage_never_won",
            "/stages/1",
            "the stage b",
        ),
    ],
)
def test_what_is_wrong_with_a_pipeline_has_a_name_a_sentence_and_a_place(spoil, code, at, words):
    pipeline = deepcopy(raw())
    definitions.read(pipeline, FIELDS, ROLES)
    spoil(pipeline)
    with pytest.raises(InvalidInput) as refused:
        definitions.read(pipeline, FIELDS, ROLES)
    assert refused.value.code == "pipeline_invalid"
    fault = next(one for one in refused.value.facts["errors"] if one["code"] == code)
    assert fault["at"] == at
    assert words in fault["detail"]
    assert fault["detail"].endswith(".")
    assert fault["detail"] in refused.value.detail


def test_every_fault_is_told_at_once():
    pipeline = raw()
    for spoil in (stage(0, probability="2"), stage(1, on_exit=["age"]), moves(back=-1)):
        spoil(pipeline)
    with pytest.raises(InvalidInput) as refused:
        definitions.read(pipeline, FIELDS, ROLES)
    assert [one["code"] for one in refused.value.facts["errors"]] == [
        "probability_out_of_range",
        "field_unknown",
        "steps_below_zero",
    ]


def test_a_pipeline_has_so_many_stages_and_no_more():
    pipeline = plain(1, 0)
    more = tuple(replace(pipeline.stages[0], key=f"x{n}", name=f"x{n}") for n in range(46))
    wide = replace(pipeline, stages=(*more[:45], *pipeline.stages))
    assert definitions.faults_of(wide, FIELDS, ROLES) == []
    [fault] = definitions.faults_of(replace(wide, stages=(*more, *pipeline.stages)), FIELDS, ROLES)
    assert fault.code == "stages_too_many"


def test_a_stage_of_another_pipeline_is_refused_by_name():
    with pytest.raises(InvalidInput) as refused:
        plain(1, 0).stage("elsewhere")
    assert refused.value.code == "stage_not_in_pipeline"
    assert refused.value.facts == {"stages": ["a", "b", "c", "won", "lost"]}


@pytest.mark.parametrize(("template", "chinese"), TEMPLATES)
def test_every_template_works_in_both_languages(template: templates.Template, chinese: bool):
    written = templates.written(template, PIPELINE, chinese=chinese)
    pipeline = definitions.read(written, FIELDS, ROLES | {"admin"})
    assert pipeline.name == (template.title_zh if chinese else template.title)
    names = [pipeline.name, *(one.name for one in pipeline.stages)]
    reasons = [guard.reason for one in pipeline.stages for guard in one.guards]
    assert all(any("一" <= c <= "鿿" for c in text) is chinese for text in names + reasons)
    assert all(reason.endswith("。" if chinese else ".") for reason in reasons)
    odds = [one.probability for one in pipeline.of_kind(StageKind.OPEN)]
    assert odds == sorted(set(odds))
    assert 0 < odds[0] < odds[-1] < 1


@pytest.mark.parametrize("template", templates.TEMPLATES.values(), ids=templates.TEMPLATES)
def test_the_languages_of_a_template_differ_in_nothing_but_words(template: templates.Template):
    english, chinese = (
        definitions.read(templates.written(template, PIPELINE, chinese=one), FIELDS, ROLES | {"admin"})
        for one in (False, True)
    )
    renamed = tuple(
        replace(one, name=other.name, guards=other.guards)
        for one, other in zip(english.stages, chinese.stages, strict=True)
    )
    assert replace(english, name=chinese.name, stages=renamed) == chinese
    assert [[guard.condition for guard in one.guards] for one in english.stages] == [
        [guard.condition for guard in one.guards] for one in chinese.stages
    ]
    assert {one.key for one in templates.TEMPLATES.values()} == {
        "b2b",
        "retail_project",
        "subscription",
        "partner",
    }


BEFORE = plain(1, 0)


def changed(*gone: str, **kinds: str) -> Pipeline:
    kept = tuple(
        replace(one, kind=StageKind(kinds.get(one.key, one.kind)))
        for one in BEFORE.stages
        if one.key not in gone
    )
    return replace(BEFORE, stages=(Stage("new", "New", StageKind.OPEN, Decimal(0)), *kept))


def test_a_change_tells_what_is_gone_turned_added_renamed_and_reordered():
    a, b, c, won, lost = BEFORE.stages
    after = replace(
        BEFORE,
        stages=(c, replace(a, name="First"), Stage("d", "D", StageKind.OPEN, Decimal(0)), replace(won, kind=StageKind.LOST), lost),
    )  # fmt: skip
    assert changes.compare(BEFORE, after) == changes.Difference(("b",), ("won",), ("d",), ("a",), True)
    assert changes.compare(BEFORE, BEFORE) == changes.Difference((), (), (), (), False)
    assert changes.compare(BEFORE, replace(BEFORE, stages=(a, b, lost, won))).reordered


@pytest.mark.parametrize(
    ("after", "standing", "goes", "plan"),
    [
        (changed(), {"a": 3}, {}, {}),
        (changed("b"), {"a": 3, "b": 0}, {}, {}),
        (changed("b"), {"b": 2}, {"b": "new"}, {"b": "new"}),
        (changed("b"), {}, {"b": "new"}, {}),
        (changed("a", "b"), {"a": 1, "b": 1}, {"a": "new", "b": "c"}, {"a": "new", "b": "c"}),
        (changed(c="won"), {"c": 1}, {"c": "a"}, {"c": "a"}),
    ],
)
def test_deals_of_stages_that_are_gone_go_where_they_are_sent(after, standing, goes, plan):
    assert changes.plan_change(BEFORE, after, standing, goes) == plan


@pytest.mark.parametrize(
    ("after", "goes", "kind", "code", "words"),
    [
        (changed("b"), {}, RuleBroken, "stages_in_use", ": b;"),
        (changed("b", "c"), {"c": "a"}, RuleBroken, "stages_in_use", ": b;"),
        (changed(b="lost"), {}, RuleBroken, "stages_in_use", ": b;"),
        (changed("won"), {}, RuleBroken, "stages_in_use", ": won;"),
        (changed("b"), {"b": "elsewhere"}, InvalidInput, "mapping_leads_outside", "'elsewhere'"),
        (changed("b"), {"b": "b"}, InvalidInput, "mapping_leads_outside", "'b'"),
        (changed("b"), {"b": "won"}, InvalidInput, "mapping_changes_kind", "b are open and cannot go to won"),
        (changed(b="won"), {"b": "b"}, InvalidInput, "mapping_changes_kind", "which is won"),
        (changed("b"), {"b": "a", "c": "a"}, InvalidInput, "mapping_not_needed", "c stays"),
        (changed("b"), {"b": "a", "x": "a"}, InvalidInput, "mapping_from_outside", "'x'"),
    ],
)
def test_a_change_that_leaves_deals_nowhere_is_refused_by_name(after, goes, kind, code, words):
    with pytest.raises(kind) as refused:
        changes.plan_change(BEFORE, after, {"a": 1, "b": 2, "won": 7}, goes)
    assert refused.value.code == code
    assert words in refused.value.detail


@settings(deadline=None, max_examples=200)
@given(pipelines(), pipelines(), st.data())
def test_after_a_change_every_deal_stands_in_a_stage_of_its_kind(before, after, data):
    old, new = before.by_key(), after.by_key()
    standing = data.draw(st.dictionaries(st.sampled_from([*old]), st.integers(0, 3)))
    goes = data.draw(st.dictionaries(st.sampled_from([*old]), st.sampled_from([*new, "elsewhere"])))
    stays = {key for key in old if key in new and new[key].kind == old[key].kind}
    fine = all(key not in stays and to in new and new[to].kind == old[key].kind for key, to in goes.items())
    nowhere = any(count and key not in stays and key not in goes for key, count in standing.items())
    if not fine or nowhere:
        with pytest.raises((RuleBroken, InvalidInput)) as refused:
            changes.plan_change(before, after, standing, goes)
        assert (refused.value.code == "stages_in_use") is fine
        return
    plan = changes.plan_change(before, after, standing, goes)
    for key, count in standing.items():
        if count:
            assert new[plan.get(key, key)].kind == old[key].kind
    assert all(standing[key] for key in plan)


def test_pipelines_are_told_apart_by_their_ids():
    assert definitions.read(raw() | {"id": str(UUID(int=9))}, FIELDS, ROLES).id == UUID(int=9)
