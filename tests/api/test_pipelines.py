"""Pipelines by the API: made from templates, refused by name, and changed while deals stand in them."""

from copy import deepcopy
from typing import Any

import pytest

from app.domain.pipelines.templates import TEMPLATES
from tests.api.test_deals import done, opened, pipeline, refused
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem

Body = dict[str, Any]
STAGES: list[Body] = [
    {"key": "first", "name": "First", "kind": "open", "probability": "0.2", "expected_days": 5},
    {"key": "second", "name": "Second", "kind": "open", "probability": "0.6"},
    {"key": "won", "name": "Won", "kind": "won", "probability": "1"},
    {"key": "lost", "name": "Lost", "kind": "lost", "probability": "0"},
]
MOVES: Body = {"forward": 2, "back": 1, "reopened": ["first"]}


def written(**more: Any) -> Body:
    """A pipeline of four stages, of which parts may be others."""
    return deepcopy({"name": "Doors", "stages": STAGES, "moves": MOVES} | more)


async def made(org: Organisation, **more: Any) -> Body:
    """The same, added."""
    answer = await org.admin.post("/v1/pipelines", json=written(**more))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def change(org: Organisation, line: Body, **body: Any) -> Any:
    """The answer to a change."""
    return await org.admin.post(f"/v1/pipelines/{line['id']}/change", json=body, headers=ANY)


async def steps(org: Organisation, deal: Body) -> list[tuple[str, str | None, str, str | None]]:
    """The stage history of a deal, in short."""
    listed = (await org.admin.get(f"/v1/deals/{deal['id']}/stages")).json()["data"]
    return [(one["verb"], one["from_stage"], one["to_stage"], one["by_id"]) for one in listed]


def renamed(stages: list[Body], key: str, to: str) -> list[Body]:
    """The stages, one of them under another key."""
    return [stage | {"key": to} if stage["key"] == key else stage for stage in stages]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("template", TEMPLATES)
async def test_every_template_makes_the_pipeline_that_it_shows(
    org: Organisation, template: str, language: str
):
    answer = await org.admin.patch("/v1/settings", json={"language": language}, headers=ANY)
    assert answer.status_code == 200, answer.text
    listed = await org.admin.get("/v1/pipelines/templates", params={"language": language})
    shown = next(one for one in listed.json()["data"] if one["key"] == template)
    line = await pipeline(org, template)
    assert line["name"] == shown["name"]
    assert [(one["key"], one["name"]) for one in line["stages"]] == [
        (one["key"], one["name"]) for one in shown["stages"]
    ]
    assert (line["name"].isascii(), line["moves"]["forward"]) == (language == "en", shown["moves"]["forward"])


async def test_a_template_takes_another_name_and_no_stages(org: Organisation):
    assert (await pipeline(org, "b2b", name="直营"))["name"] == "直营"
    both = await org.admin.post("/v1/pipelines", json=written(template="b2b"))
    assert problem(both)["code"] == "template_and_stages"
    neither = await org.admin.post("/v1/pipelines", json={"name": "x"})
    assert problem(neither)["code"] == "stages_missing"
    again = await org.admin.post("/v1/pipelines", json={"template": "b2b", "name": "直营"})
    assert problem(again)["code"] == "name_taken"


def _with(place: int, **more: Any) -> Body:
    stages = deepcopy(STAGES)
    stages[place] |= more
    return written(stages=stages)


def _guarded(condition: Any, reason: str = "No.") -> Body:
    return _with(1, guards=[{"condition": condition, "reason": reason}])


_ANY_AMOUNT = {"field": "amount", "op": "gte", "value": 0}
FAULTS = [
    ("pipeline_name_missing", written(name=None), "/name"),
    ("open_stage_missing", written(stages=STAGES[2:], moves={}), "/stages"),
    ("won_stage_missing", written(stages=[*STAGES[:2], STAGES[3]]), "/stages"),
    ("lost_stage_missing", written(stages=STAGES[:3]), "/stages"),
    ("stage_key_twice", _with(1, key="first"), "/stages/1/key"),
    ("stage_name_twice", _with(1, name="FIRST"), "/stages/1/name"),
    ("open_after_closed", written(stages=[STAGES[0], *STAGES[2:], STAGES[1]]), "/stages/3/kind"),
    ("probability_not_certain", _with(2, probability="0.9"), "/stages/2/probability"),
    ("expected_days_of_closed", _with(3, expected_days=3), "/stages/3/expected_days"),
    ("field_unknown", _with(1, on_entry=["amount", "shoe_size"]), "/stages/1/on_entry/1"),
    ("field_unknown", _with(0, on_exit=["custom.size"]), "/stages/0/on_exit/0"),
    (
        "guard_invalid",
        _guarded({"all": [{"field": "nothing", "op": "eq", "value": 1}]}),
        "/stages/1/guards/0/condition/all/0/field",
    ),
    ("guard_reason_missing", _guarded(_ANY_AMOUNT, " "), "/stages/1/guards/0/reason"),
    ("role_unknown", _with(1, approvers=["emperor"]), "/stages/1/approvers"),
    ("stage_not_open", written(moves=MOVES | {"reopened": ["won"]}), "/moves/reopened"),
    ("stage_not_open", written(moves=MOVES | {"entries": ["nowhere"]}), "/moves/entries"),
    ("pair_invalid", written(moves=MOVES | {"listed": [["first", "lost"]]}), "/moves/listed"),
    ("stage_unreachable", written(moves={"forward": 0, "listed": [["first", "won"]]}), "/stages/1"),
    (
        "stage_never_won",
        written(moves={"forward": 0, "listed": [["first", "second"], ["first", "won"]]}),
        "/stages/1",
    ),
]


@pytest.mark.parametrize(("code", "body", "at"), FAULTS)
async def test_a_pipeline_that_would_not_work_is_refused_fault_by_fault(
    org: Organisation, code: str, body: Body, at: str
):
    answer = await org.admin.post("/v1/pipelines", json=body)
    told = problem(answer)
    assert (answer.status_code, told["code"]) == (422, "pipeline_invalid")
    assert (code, at) in {(one["code"], one["at"]) for one in told["errors"]}, told["errors"]
    assert all(one["detail"] in told["detail"] for one in told["errors"])
    assert (await org.admin.get("/v1/pipelines")).json()["data"] == []


async def test_a_change_asks_where_deals_go_and_their_histories_tell_that_they_went(org: Organisation):
    line = await made(org)
    there, away = await opened(org), await opened(org)
    staying = await done(org, await opened(org), "move", to="second")
    archived = await org.admin.post(f"/v1/deals/{away['id']}/archive", headers=ANY)
    assert archived.status_code == 200, archived.text
    stages = renamed(STAGES, "first", "start")
    moves = MOVES | {"reopened": ["start"]}
    asks = problem(await change(org, line, stages=stages, moves=moves))
    assert (asks["status"], asks["code"], asks["stages"]) == (409, "stages_in_use", ["first"])
    for goes, code in (
        ({"first": "won"}, "mapping_changes_kind"),
        ({"first": "nowhere"}, "mapping_leads_outside"),
        ({"second": "start"}, "mapping_not_needed"),
        ({"nowhere": "start"}, "mapping_from_outside"),
    ):
        assert problem(await change(org, line, stages=stages, moves=moves, goes=goes))["code"] == code
    assert [await steps(org, one) for one in (there, away)] == [
        [("open", None, "first", _me(await _admin(org)))]
    ] * 2
    answer = await change(org, line, stages=stages, moves=moves, goes={"first": "start"})
    assert answer.status_code == 200, answer.text
    assert [stage["key"] for stage in answer.json()["stages"]] == ["start", "second", "won", "lost"]
    me = _me(await _admin(org))
    for deal in (there, away):
        assert (await org.admin.get(f"/v1/deals/{deal['id']}")).json()["stage"] == "start"
        assert await steps(org, deal) == [("open", None, "first", me), ("relocate", "first", "start", me)]
        events = (await org.admin.get(f"/v1/deals/{deal['id']}/history")).json()["data"]
        assert (events[0]["type"], events[0]["after"]["stage"]) == ("deal.relocated", "start")
    assert (await org.admin.get(f"/v1/deals/{staying['id']}")).json() == staying
    assert (await done(org, there, "move", to="second"))["stage"] == "second"


async def _admin(org: Organisation) -> Body:
    return (await org.admin.get("/v1/auth/me")).json()


def _me(who: Body) -> str:
    return who["user_id"]


async def test_closed_deals_go_along_and_stay_closed(org: Organisation):
    line = await made(org)
    deal = await done(org, await opened(org, amount="10"), "win")
    stages = renamed(renamed(STAGES, "won", "signed"), "first", "start")
    moves = MOVES | {"reopened": ["start"]}
    answer = await change(org, line, stages=stages, moves=moves, goes={"won": "signed", "first": "start"})
    assert answer.status_code == 200, answer.text
    now = (await org.admin.get(f"/v1/deals/{deal['id']}")).json()
    assert (now["stage"], now["status"], now["closed_at"]) == ("signed", "won", deal["closed_at"])
    assert now["closed_from"] is None, "that stage is gone"


async def test_who_sees_only_their_own_deals_sends_none_away(org: Organisation):
    line = await made(org)
    deal = await opened(org)
    whole = {"scopes": ["*"], "read": {"*": ["*"]}, "write": {"*": ["*"]}}
    await org.role("own", **whole, sight={})
    _, seller = await org.user("seller", "own")
    here = f"/v1/pipelines/{line['id']}/change"
    gone = {"stages": renamed(STAGES, "first", "start"), "moves": {"forward": 2}}
    for goes in ({}, {"first": "start"}):
        answer = await seller.post(here, json=gone | {"goes": goes}, headers=ANY)
        assert (answer.status_code, answer.json()["code"]) == (403, "sight_too_narrow"), answer.text
    assert (await org.admin.get(f"/v1/deals/{deal['id']}")).json()["stage"] == "first"
    kept = await seller.post(here, json={"moves": MOVES | {"back": 0}}, headers=ANY)
    assert kept.status_code == 200, kept.text


@pytest.mark.parametrize(
    ("lacking", "code"),
    [
        ({"scopes": ["pipelines:read", "pipelines:write", "deals:read"]}, "scope_missing"),
        ({"scopes": ["pipelines:read", "pipelines:write", "deals:write"]}, "scope_missing"),
        ({"write": {"pipeline": ["*"], "deal": ["name"]}}, "field_read_only"),
    ],
)
async def test_who_may_not_move_deals_sends_none_elsewhere(org: Organisation, lacking: Body, code: str):
    line = await made(org)
    deal = await opened(org)
    whole = {"scopes": ["*"], "sight": {"*": "all"}, "read": {"*": ["*"]}, "write": {"*": ["*"]}}
    await org.role("planner", **(whole | lacking))
    _, planner = await org.user("planner", "planner")
    gone = {"stages": renamed(STAGES, "first", "start"), "moves": {"forward": 2}, "goes": {"first": "start"}}
    answer = await planner.post(f"/v1/pipelines/{line['id']}/change", json=gone, headers=ANY)
    assert (answer.status_code, answer.json()["code"]) == (403, code), answer.text
    assert (await org.admin.get(f"/v1/deals/{deal['id']}")).json()["stage"] == "first"


async def test_a_pipeline_is_put_away_when_no_open_deal_stands_in_it(org: Organisation):
    line = await made(org)
    deal = await opened(org)
    here = f"/v1/pipelines/{line['id']}"
    in_use = problem(await org.admin.post(f"{here}/archive", headers=ANY))
    assert (in_use["status"], in_use["code"]) == (409, "pipeline_in_use")
    await done(org, deal, "lose", reason="x")
    away = await org.admin.post(f"{here}/archive", headers=ANY)
    assert away.status_code == 200, away.text
    for named in ({}, {"pipeline_id": line["id"]}):
        answer = await org.admin.post("/v1/deals", json={"name": "x", "currency": "CNY"} | named)
        assert problem(answer)["status"] in {409, 422}
    assert problem(await change(org, line, moves=MOVES))["code"] == "archived"
    assert (await refused(org, deal, "reopen"))[0] == 409, (
        "it would stand open in a pipeline that was put away"
    )
    assert (await org.admin.post(f"{here}/restore", headers=ANY)).status_code == 200
    assert (await done(org, deal, "reopen"))["stage"] == "first"


async def test_a_stage_that_names_a_field_which_is_gone_asks_to_be_changed_first(org: Organisation):
    field = {"noun": "deal", "key": "size", "kind": "integer", "label": "Size"}
    size = (await org.admin.post("/v1/custom_fields", json=field)).json()
    body = _with(1, on_entry=["custom.size"])
    line = (await org.admin.post("/v1/pipelines", json=body)).json()
    deal = await opened(org)
    assert await refused(org, deal, "move", to="second") == (409, "fields_missing")
    answer = await org.admin.post(f"/v1/custom_fields/{size['id']}/archive", headers=ANY)
    assert answer.status_code == 200, answer.text
    assert await refused(org, deal, "move", to="second") == (409, "pipeline_outdated")
    targets = await org.admin.get(f"/v1/deals/{deal['id']}/targets")
    assert problem(targets)["code"] == "pipeline_outdated"
    unmended = problem(await change(org, line, moves=MOVES | {"back": 0}))
    assert [one["code"] for one in unmended["errors"]] == ["field_unknown"]
    mended = await change(org, line, stages=STAGES)
    assert mended.status_code == 200, mended.text
    assert (await done(org, deal, "move", to="second"))["stage"] == "second"


async def test_what_was_agreed_to_in_a_stage_ends_with_it(org: Organisation):
    stages = [STAGES[0], STAGES[1] | {"approvers": ["admin"]}, *STAGES[2:]]
    line = await made(org, stages=stages)
    deal = await done(org, await opened(org), "approve", to="second")
    assert len(deal["approvals"]) == 1
    answer = await change(
        org,
        line,
        stages=renamed(stages, "first", "start"),
        moves=MOVES | {"reopened": ["start"]},
        goes={"first": "start"},
    )
    assert answer.status_code == 200, answer.text
    assert (await org.admin.get(f"/v1/deals/{deal['id']}")).json()["approvals"] is None


async def test_a_role_that_a_stage_asks_for_approval_keeps_its_name_and_stays(org: Organisation):
    head = (await org.admin.post("/v1/roles", json={"name": "head of sales"})).json()
    stages = [*STAGES]
    stages[1] = stages[1] | {"approvers": ["head of sales"]}
    line = await made(org, stages=stages)
    here, other = f"/v1/roles/{head['id']}", {"name": "boss"}
    for answer in (
        await org.admin.patch(here, json=other, headers=ANY),
        await org.admin.post(f"{here}/archive", headers=ANY),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "role_approves"), answer.text
    assert (await change(org, line, stages=STAGES)).status_code == 200
    assert (await org.admin.patch(here, json=other, headers=ANY)).status_code == 200
