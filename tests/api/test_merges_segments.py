"""Segments kept by hand through merges: nobody who was in one is lost to it, with the merge and after it is undone."""

import asyncio
from uuid import UUID

import pytest

from app.jobs.segments import follow_due
from app.kit import clock
from app.usecases.segments import members
from tests.makers.merging import ANY, Body, add, contact, merge, stands
from tests.makers.organisations import Organisation
from tests.makers.work import until


async def followed_up(org: Organisation) -> None:
    while await follow_due(org.database, clock.now()):
        pass


async def inside(org: Organisation, segment: Body) -> set[str]:
    listed = (await org.admin.get(f"/v1/segments/{segment['id']}/members")).json()["data"]
    return {one["id"] for one in listed}


async def put_in(org: Organisation, segment: Body, *people: Body) -> None:
    said = {"add": [each["id"] for each in people]}
    answer = await org.admin.post(f"/v1/segments/{segment['id']}/members", json=said)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize("tag", [None, "vip"])
async def test_the_survivor_is_in_the_segments_of_the_others_until_it_is_undone(
    org: Organisation, tag: str | None, followed: bool
):
    one, other = await contact(org, "a"), await contact(org, "b")
    both = await add(org, "segments", {"name": "x", "kind": "static"})
    theirs = await add(org, "segments", {"name": "y", "kind": "static", "tag": tag})
    await put_in(org, both, one, other)
    await put_in(org, theirs, other)
    await followed_up(org)
    before = await stands(org)
    done = (await merge(org, one, other)).json()
    if followed:
        await followed_up(org)
    assert one["id"] in await inside(org, both) & await inside(org, theirs)
    told = (await org.admin.get(f"/v1/contacts/{one['id']}/history")).json()["data"]
    assert told[0]["type"] == "contact.entered_segment"
    undone = await org.admin.post(f"/v1/merges/{done['id']}/undo")
    assert undone.status_code == 200, undone.text
    for _ in range(2):
        assert await inside(org, both) == {one["id"], other["id"]}
        assert await inside(org, theirs) == {other["id"]}
        assert await stands(org) == before
        await followed_up(org)  # what the log tells of the merge by now moves nobody


@pytest.mark.parametrize(("own", "touched"), [(["vip"], False), ([], True)])
async def test_the_survivor_keeps_a_tag_of_its_own_and_no_other(
    org: Organisation, own: list[str], touched: bool
):
    one, other = await contact(org, "a", tags=own), await contact(org, "b")
    segment = await add(org, "segments", {"name": "x", "kind": "static", "tag": "vip"})
    await put_in(org, segment, other)
    done = (await merge(org, one, other)).json()
    if touched:
        changed = {"tags": ["vip", "new"]}
        await org.admin.patch(f"/v1/contacts/{one['id']}", json=changed, headers=ANY)
    await org.admin.post(f"/v1/merges/{done['id']}/undo")
    now = [(await org.admin.get(f"/v1/contacts/{each['id']}")).json()["tags"] for each in (one, other)]
    assert now == [["new"] if touched else own, ["vip"]]


@pytest.mark.parametrize("by_hand", [False, True])
async def test_undoing_leaves_whom_somebody_put_in_by_hand_since(org: Organisation, by_hand: bool):
    one, other = await contact(org, "a"), await contact(org, "b")
    segment = await add(org, "segments", {"name": "x", "kind": "static"})
    await put_in(org, segment, other)
    done = (await merge(org, one, other)).json()
    assert await inside(org, segment) == {one["id"]}
    if by_hand:
        for way in ("remove", "add"):
            said = {way: [one["id"]]}
            moved = await org.admin.post(f"/v1/segments/{segment['id']}/members", json=said)
            assert moved.status_code == 200, moved.text
    assert (await org.admin.post(f"/v1/merges/{done['id']}/undo")).status_code == 200
    assert await inside(org, segment) == ({one["id"], other["id"]} if by_hand else {other["id"]})


async def test_undoing_puts_back_whom_a_server_took_out_whose_clock_is_behind(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    one, other = await contact(org, "a"), await contact(org, "b")
    segment = await add(org, "segments", {"name": "x", "kind": "static"})
    await put_in(org, segment, other)
    await followed_up(org)
    here = f"/v1/segments/{segment['id']}"
    assert (await org.admin.post(f"{here}/archive", headers=ANY)).status_code == 200
    before = clock.now()
    done = (await merge(org, one, other)).json()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(clock, "now", lambda: before)
        assert (await org.admin.post(f"{here}/restore", headers=ANY)).status_code == 200
    assert await inside(org, segment) == set()
    assert (await org.admin.post(f"/v1/merges/{done['id']}/undo")).status_code == 200
    assert await inside(org, segment) == {other["id"]}


async def test_who_is_put_into_a_segment_while_they_are_merged_is_not_lost_to_it(org: Organisation):
    one, other = await contact(org, "a"), await contact(org, "b")
    segment = await add(org, "segments", {"name": "x", "kind": "static"})
    async with await org.work() as uow:
        await members.change_members(uow, UUID(segment["id"]), [UUID(other["id"])], [])
        merging = asyncio.create_task(merge(org, one, other))
        waits = "select exists (select from pg_locks where not granted)"
        await until(lambda: uow.fetchval(waits))
        await uow.commit()
    late = await merging
    assert (late.status_code, late.json()["code"]) == (503, "try_again"), late.text
    assert (await merge(org, one, other)).status_code == 200
    await followed_up(org)
    assert await inside(org, segment) == {one["id"]}
