"""People with roles on deals: written with the deal, and brought along by merges."""

from typing import Any

from fastapi import FastAPI

from app.db.engine import Database
from tests.api.test_deals import opened, pipeline
from tests.api.test_privacy import everything
from tests.makers.merging import contact, contacts, merged
from tests.makers.organisations import Organisation
from tests.makers.work import work_off
from tests.nouns.nouns import ANY, problem

Body = dict[str, Any]


def roles(deal: Body) -> list[tuple[str, str | None]]:
    """Who stands on a deal, and as what."""
    return [(one["contact_id"], one["role"]) for one in deal["people"]]


async def got(org: Organisation, deal: Body) -> Body:
    """The deal as it is now."""
    found: Body = (await org.admin.get(f"/v1/deals/{deal['id']}")).json()
    return found


async def test_people_stand_on_a_deal_with_their_roles(org: Organisation):
    await pipeline(org)
    buyer, user = await contacts(org, "李娜", "张伟")
    deal = await opened(org, people=[{"contact_id": buyer["id"], "role": "采购"}])
    assert roles(deal) == [(buyer["id"], "采购")]
    both = [{"contact_id": user["id"]}, {"contact_id": buyer["id"], "role": "决策人"}]
    answer = await org.admin.patch(f"/v1/deals/{deal['id']}", json={"people": both}, headers=ANY)
    assert roles(answer.json()) == [(user["id"], None), (buyer["id"], "决策人")]
    again = await org.admin.patch(f"/v1/deals/{deal['id']}", json={"people": both}, headers=ANY)
    assert again.json()["version"] == answer.json()["version"]
    nobody = {"people": [{"contact_id": deal["id"]}]}
    answer = await org.admin.patch(f"/v1/deals/{deal['id']}", json=nobody, headers=ANY)
    assert (answer.status_code, problem(answer)["code"]) == (422, "reference_unknown")


async def test_who_is_merged_stands_there_as_their_survivor_until_they_are_parted(org: Organisation):
    await pipeline(org)
    one, other = await contacts(org, "李娜", "李 娜")
    deal = await opened(org, people=[{"contact_id": other["id"], "role": "采购"}])
    made = await merged(org, one, other)
    assert roles(await got(org, deal)) == [(one["id"], "采购")]
    late = await opened(org, people=[{"contact_id": other["id"]}])
    assert roles(late) == [(one["id"], None)], "written by an id of old"
    undone = await org.admin.post(f"/v1/merges/{made['id']}/undo")
    assert undone.status_code == 200, undone.text
    assert roles(await got(org, deal)) == [(other["id"], "采购")]
    assert roles(await got(org, late)) == [(one["id"], None)]


async def test_nobody_is_put_on_a_deal_by_who_does_not_see_them(org: Organisation):
    await pipeline(org)
    person = await contact(org, "李娜")
    _, seller = await org.user("seller", "sales")
    body = {"name": "x", "currency": "CNY", "people": [{"contact_id": person["id"]}]}
    answer = await seller.post("/v1/deals", json=body)
    assert (answer.status_code, problem(answer)["code"]) == (422, "reference_unknown")


async def test_what_an_erased_person_was_on_deals_and_what_was_to_be_done_on_theirs_is_gone(
    service: FastAPI, org: Organisation, owner: Database
):
    await pipeline(org)
    gone, stays = await contacts(org, "李娜", "张伟")
    mine = {"contact_id": gone["id"], "role": "gone as buyer"}
    theirs = {"contact_id": stays["id"], "role": "stays as user"}
    deal = await opened(org, contact_id=gone["id"], people=[mine])
    other = await opened(org, contact_id=stays["id"], name="stays as deal", people=[mine, theirs])
    for title, on in (("gone as task", deal), ("stays as task", other)):
        made = await org.admin.post("/v1/tasks", json={"title": title, "deal_id": on["id"]})
        assert made.status_code == 201, made.text
    assert (await org.admin.post(f"/v1/contacts/{gone['id']}/erase")).status_code == 202
    await work_off(service)
    left = await everything(owner, org)
    assert [name for name in ("gone as buyer", "gone as task") if name in left] == []
    assert [name for name in ("stays as task", "stays as deal") if name not in left] == []
    assert roles(await got(org, other)) == [(gone["id"], "erased"), (stays["id"], "stays as user")]
    assert (await got(org, other))["name"] == "stays as deal"
