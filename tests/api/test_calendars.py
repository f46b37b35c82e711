"""Calendars over HTTP: what they can be, whose they are, and the time that is counted by them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db.calendars import of_organisation
from app.domain.calendars import Calendar, between
from app.domain.opening_hours import WEEKDAYS, SpecialDay, span
from tests.makers.organisations import Organisation
from tests.nouns.nouns import run_here

ANY = {"If-Match": "*"}
CLOSED: dict[str, list[str]] = {weekday: [] for weekday in WEEKDAYS}
SPLIT = ["09:00-12:00", "13:30-18:00"]
OFFICE = {
    "name": "上海办公室",
    "time_zone": "Asia/Shanghai",
    "week": dict.fromkeys(WEEKDAYS[:5], SPLIT),
    "special_days": [
        {"on": "2026-10-10", "name": "Make-up workday", "hours": ["09:00-18:00"]},
        *({"on": f"2026-10-0{day}", "name": "国庆节"} for day in range(1, 8)),
    ],
}


async def made(org: Organisation, **changed: Any) -> dict[str, Any]:
    answer = await org.admin.post("/v1/calendars", json=OFFICE | changed)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def chosen(org: Organisation, calendar: str | None) -> None:
    answer = await org.admin.patch("/v1/settings", json={"calendar_id": calendar}, headers=ANY)
    assert answer.status_code == 200, answer.text
    assert answer.json()["calendar_id"] == calendar


async def counted_by(org: Organisation) -> Calendar:
    async with await org.work() as uow:
        return await of_organisation(uow)


def in_shanghai(text: str) -> str:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).isoformat()


async def test_a_calendar_is_shown_with_all_weekdays_and_in_the_order_of_time(org: Organisation):
    found = await made(
        org, week={"monday": SPLIT[::-1]}, special_days=OFFICE["special_days"], external_ids={"hr": "SH"}
    )
    assert found["week"] == CLOSED | {"monday": SPLIT}
    assert [day["on"] for day in found["special_days"]] == [
        *(f"2026-10-0{day}" for day in range(1, 8)),
        "2026-10-10",
    ]
    assert found["special_days"][0] == {"on": "2026-10-01", "name": "国庆节", "hours": []}
    here = f"/v1/calendars/{found['id']}"
    same = await org.admin.patch(here, json={"week": {"monday": SPLIT}}, headers=ANY)
    assert same.json() == found, "the same hours in another order are no change"
    put = await org.admin.put("/v1/calendars/by/hr/SH", json={"week": {}})
    assert put.status_code == 200, put.text
    assert put.json()["week"] == CLOSED
    assert put.json()["special_days"] == found["special_days"], "what is left out stays"
    stale = await org.admin.patch(here, json={"week": {"monday": ["9-12"]}}, headers={"If-Match": '"9"'})
    assert (stale.status_code, stale.json()["code"]) == (422, "hours_unreadable"), (
        "it is wrong in any version"
    )


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"time_zone": "Asia/Peking"}, "time_zone_unknown", "time_zone"),
        ({"week": {"monday": ["9-12"]}}, "hours_unreadable", "week.monday"),
        ({"week": {"sunday": ["22:00-06:00"]}}, "hours_invalid", "week.sunday"),
        ({"week": {"friday": ["09:00-24:30"]}}, "hours_invalid", "week.friday"),
        ({"week": {"monday": ["13:00-18:00", "09:00-13:30"]}}, "hours_overlap", "week.monday"),
        ({"special_days": [{"on": "2026-10-10", "name": "x", "hours": ["x\x00"]}]}, "hours_unreadable", "special_days.2026-10-10"),
        ({"special_days": [{"on": "2026-10-10", "name": "x", "hours": ["10:00-10:00"]}]}, "hours_invalid", "special_days.2026-10-10"),
        ({"special_days": [{"on": "2026-10-10", "name": name} for name in "xy"]}, "special_day_twice", "special_days.2026-10-10"),
    ],
)  # fmt: skip
async def test_what_no_calendar_can_be_is_refused_by_name(org: Organisation, wrong, code, field):
    new = await org.admin.post("/v1/calendars", json=OFFICE | wrong)
    here = f"/v1/calendars/{(await made(org))['id']}"
    for refused in (new, await org.admin.patch(here, json=wrong, headers=ANY)):
        problem = refused.json()
        assert (refused.status_code, problem["code"], problem["field"]) == (422, code, field), problem


@pytest.mark.parametrize(
    "wrong",
    [
        {"week": {"montag": []}},
        {"week": {"monday": "09:00-12:00"}},
        {"week": {"monday": [f"{n:02}:00-{n:02}:30" for n in range(13)]}},
        {"special_days": [{"on": "2026-02-30", "name": "x"}]},
        {"special_days": [{"on": "2026-02-20"}]},
        {"name": ""},
    ],
)
async def test_what_has_not_the_form_of_a_calendar_is_refused(org: Organisation, wrong):
    assert (await org.admin.post("/v1/calendars", json=OFFICE | wrong)).status_code == 422


async def test_a_name_stays_taken_by_an_archived_calendar_which_can_always_be_restored(org: Organisation):
    here = f"/v1/calendars/{(await made(org))['id']}"
    assert (await org.admin.post(f"{here}/archive", headers=ANY)).status_code == 200
    again = await org.admin.post("/v1/calendars", json=OFFICE)
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    assert (await org.admin.post(f"{here}/restore", headers=ANY)).status_code == 200


async def test_business_time_is_counted_over_holidays_make_up_workdays_and_split_shifts(org: Organisation):
    here = f"/v1/calendars/{(await made(org))['id']}"
    query = {"begin": in_shanghai("2026-09-30 17:00"), "end": in_shanghai("2026-10-10 10:00")}
    told = (await org.admin.get(f"{here}/time", params=query)).json()
    # An hour on the 30th, both shifts of Thursday the 8th and Friday the 9th, an hour of the Saturday made up.
    assert told["seconds"] == (1 + 7.5 * 2 + 1) * 3600
    whys = {(one["why"], one["name"]) for one in told["trace"]}
    assert whys == {
        ("open", None), ("closed", None), ("break", None), ("holiday", "国庆节"),
        ("closed", "Make-up workday"), ("open", "Make-up workday"),
    }  # fmt: skip
    holiday = next(one for one in told["trace"] if one["why"] == "holiday")
    assert holiday["counted"] is False
    assert datetime.fromisoformat(holiday["end"]) - datetime.fromisoformat(holiday["begin"]) == timedelta(7)
    due = await org.admin.get(f"{here}/due", params={"begin": query["begin"], "seconds": 17 * 3600})
    assert due.json()["due"] == "2026-10-10T02:00:00Z", due.text
    assert due.json()["trace"] == told["trace"]
    at_once = (await org.admin.get(f"{here}/due", params={"begin": query["end"], "seconds": 0})).json()
    assert (at_once["due"], at_once["trace"]) == ("2026-10-10T02:00:00Z", [])


hours = st.lists(st.integers(0, 24), max_size=6, unique=True).map(
    lambda edges: [
        f"{begin:02}:00-{end:02}:00"
        for begin, end in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    ]
)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


async def test_counting_over_http_is_counting_by_the_rules(org: Organisation):
    here = f"/v1/calendars/{(await made(org))['id']}"

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai"]),
        st.lists(hours, min_size=7, max_size=7),
        st.dictionaries(st.dates(MARCH.date(), MARCH.date() + timedelta(60)), hours, max_size=5),
        st.timedeltas(timedelta(), timedelta(40)),
        st.timedeltas(timedelta(), timedelta(20)),
    )
    async def property_(zone, week, special, first, lasting):
        body = {
            "time_zone": zone,
            "week": dict(zip(WEEKDAYS, week, strict=True)),
            "special_days": [{"on": str(on), "name": "x", "hours": day} for on, day in special.items()],
        }
        edited = await org.admin.patch(here, json=body, headers=ANY)
        assert edited.status_code == 200, edited.text
        begin, end = MARCH + first, MARCH + first + lasting
        query = {"begin": begin.isoformat(), "end": end.isoformat()}
        told = (await org.admin.get(f"{here}/time", params=query)).json()
        calendar = Calendar(
            "x",
            zone,
            tuple(tuple(map(span, day)) for day in week),
            tuple(SpecialDay(on, "x", tuple(map(span, day))) for on, day in special.items()),
        )
        expected = between(calendar, begin, end)
        assert told["seconds"] == expected.total_seconds()
        at = begin
        counted = timedelta()
        for one in told["trace"]:
            since, until = (datetime.fromisoformat(one[edge]) for edge in ("begin", "end"))
            assert since == at
            counted += (until - since) * one["counted"]
            at = until
        assert at == end
        assert counted == expected
        whole = expected // timedelta(seconds=1)
        due = await org.admin.get(f"{here}/due", params={"begin": begin.isoformat(), "seconds": whole})
        assert due.status_code == 200, due.text
        at = datetime.fromisoformat(due.json()["due"])
        assert at <= end
        assert between(calendar, begin, at) == timedelta(seconds=whole)

    await run_here(property_)


async def test_what_is_traced_goes_forward_and_not_for_more_than_a_year(org: Organisation):
    office = f"/v1/calendars/{(await made(org))['id']}"
    rare = await made(org, name="rare", week={}, special_days=OFFICE["special_days"])
    never = await made(org, name="never", week={}, special_days=[])
    begin = "2024-01-01T00:00:00Z"
    asked: list[tuple[str, dict[str, str | int], int, str, str | None]] = [
        (f"{office}/time", {"end": "2023-12-31T23:59:59Z"}, 422, "period_backwards", "end"),
        (f"{office}/time", {"end": "2025-01-01T00:00:00.000001Z"}, 422, "period_too_long", "end"),
        (f"/v1/calendars/{rare['id']}/due", {"seconds": 3600}, 422, "period_too_long", "seconds"),
        (f"/v1/calendars/{never['id']}/due", {"seconds": 1}, 409, "calendar_never_opens", None),
        (f"{office}/time", {"begin": "2150-01-01T00:00:00Z", "end": "2150-01-02T00:00:00Z"}, 422, "time_out_of_range", None),
    ]  # fmt: skip
    for path, query, status, code, field in asked:
        refused = await org.admin.get(path, params={"begin": begin, **query})
        problem = refused.json()
        assert (refused.status_code, problem["code"], problem.get("field")) == (status, code, field), problem
    whole = await org.admin.get(f"{office}/time", params={"begin": begin, "end": "2025-01-01T00:00:00Z"})
    assert whole.status_code == 200, whole.text


async def test_who_may_not_see_all_of_a_calendar_counts_nothing_by_it(org: Organisation, other: Organisation):
    here = f"/v1/calendars/{(await made(org))['id']}"
    await org.role("half", scopes=["calendars:read"], read={"calendar": ["name", "time_zone", "week"]})
    await org.role("blind", scopes=["calendars:write"], read={"calendar": ["*"]})
    _, half = await org.user("half", "half")
    _, blind = await org.user("blind", "blind")
    _, seller = await org.user("seller", "sales")
    for tail, query in (
        ("time", {"begin": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}),
        ("due", {"begin": "2026-01-01T00:00:00Z", "seconds": "1"}),
    ):
        asked = [
            await client.get(f"{here}/{tail}", params=query)
            for client in (org.admin, seller, half, blind, other.admin)
        ]
        assert [answer.status_code for answer in asked] == [200, 200, 403, 403, 404]
        assert [answer.json()["code"] for answer in asked[2:]] == [
            "field_hidden", "scope_missing", "calendar_not_found",
        ]  # fmt: skip
    assert (await seller.post("/v1/calendars", json=OFFICE | {"name": "x"})).status_code == 403


async def test_an_organisation_counts_by_the_calendar_that_its_settings_name(org: Organisation):
    assert (await org.admin.get("/v1/settings")).json()["calendar_id"] is None
    standard = await counted_by(org)
    assert standard.time_zone == "Asia/Shanghai"
    assert standard.special_days == ()
    assert [list(map(str, day)) for day in standard.week] == [["09:00-18:00"]] * 5 + [[]] * 2
    await org.admin.patch("/v1/settings", json={"time_zone": "Europe/Berlin"}, headers=ANY)
    assert (await counted_by(org)).time_zone == "Europe/Berlin", "the standard week is the organisation's"
    office = await made(org)
    await chosen(org, office["id"])
    own = await counted_by(org)
    assert (own.name, own.time_zone, len(own.special_days)) == (OFFICE["name"], "Asia/Shanghai", 8)
    await org.admin.patch(f"/v1/calendars/{office['id']}", json={"special_days": []}, headers=ANY)
    assert (await counted_by(org)).special_days == ()
    page = (await org.admin.get("/v1/settings/history")).json()["data"]
    assert page[0]["after"] == {"calendar_id": office["id"]}
    await org.admin.patch("/v1/settings", json={"name": "n"}, headers=ANY)
    assert (await org.admin.get("/v1/settings")).json()["calendar_id"] == office["id"]
    await chosen(org, None)
    assert (await counted_by(org)).name == standard.name


async def test_settings_name_a_live_calendar_of_the_organisation(org: Organisation, other: Organisation):
    theirs, put_away = await made(other), await made(org)
    here = f"/v1/calendars/{put_away['id']}"
    await org.admin.post(f"{here}/archive", headers=ANY)
    for named, status, code in (
        (theirs["id"], 422, "reference_unknown"),
        (put_away["id"], 409, "calendar_archived"),
    ):
        refused = await org.admin.patch("/v1/settings", json={"calendar_id": named}, headers=ANY)
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert (await org.admin.get("/v1/settings")).json()["calendar_id"] is None


async def test_the_calendar_that_the_organisation_counts_by_is_not_put_away(org: Organisation):
    office = await made(org)
    here = f"/v1/calendars/{office['id']}"
    await chosen(org, office["id"])
    refused = await org.admin.post(f"{here}/archive", headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (409, "calendar_in_use")
    await chosen(org, None)
    assert (await org.admin.post(f"{here}/archive", headers=ANY)).status_code == 200


async def test_a_calendar_is_never_chosen_and_put_away_at_once(org: Organisation):
    for turn in range(8):
        named = (await made(org, name=f"turn {turn}"))["id"]
        here = f"/v1/calendars/{named}"
        answers = await asyncio.gather(
            org.admin.patch("/v1/settings", json={"calendar_id": named}, headers=ANY),
            org.admin.post(f"{here}/archive", headers=ANY),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409], [a.text for a in answers]
        kept = (await org.admin.get("/v1/settings")).json()["calendar_id"] == named
        assert kept == ((await org.admin.get(here)).json()["archived_at"] is None)
