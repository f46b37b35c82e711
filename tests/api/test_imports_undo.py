"""Undoing an import over HTTP: what nobody has changed since is as before, what somebody has is left and listed."""

from typing import Any

from fastapi import FastAPI
from httpx import AsyncClient

from tests.makers.organisations import Organisation
from tests.makers.work import work_off
from tests.sizes.undoing import Undoing

ANY = {"If-Match": "*"}
MOVED = frozenset({"version", "updated_at"})


async def imported(service: FastAPI, org: Organisation, text: str, **said: str) -> str:
    sent = await org.admin.post("/v1/imports", params={"name": "file.csv", **said}, content=text.encode())
    assert sent.status_code == 201, sent.text
    here = f"/v1/imports/{sent.json()['id']}"
    started = await org.admin.post(f"{here}/start", headers=ANY)
    assert started.status_code == 202, started.text
    await work_off(service)
    found = (await org.admin.get(here)).json()
    assert found["stage"] == "done", (await org.admin.get(started.headers["location"])).json()
    assert not found["account"]["failed"], (await org.admin.get(f"{here}/rows")).json()
    return here


async def undone(service: FastAPI, client: AsyncClient, here: str) -> dict[str, int]:
    asked = await client.post(f"{here}/undo", headers=ANY)
    assert asked.status_code == 202, asked.text
    await work_off(service)
    run = (await client.get(asked.headers["location"])).json()
    assert run["status"] == "done", run
    found = (await client.get(here)).json()
    assert (found["stage"], found["undone"]) == ("undone", run["result"])
    account: dict[str, int] = found["undone"]
    return account


async def everything(org: Organisation, plural: str) -> dict[str, dict[str, Any]]:
    """Every record that is not archived, by its id, without what every change moves."""
    found = (await org.admin.get(f"/v1/{plural}", params={"limit": 200})).json()["data"]
    return {one["id"]: {k: v for k, v in one.items() if k not in MOVED} for one in found}


async def listed(client: AsyncClient, here: str, **said: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{here}/undone", params=said)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


FIRST = """name,email,phone,company,tags,customer id
Anna Novak,anna@novak.example,+442071838750,Novak Ltd,vip,C-1
Boris Stone,boris@stone.example,+442071838751,,,C-2
"""
SECOND = """name,email,phone,company,tags,customer id
Anna Novakova,new@novak.example,+442071838790,Other Ltd,late,C-1
Boris Stone,boris2@stone.example,+442071838791,Other Ltd,late,C-2
Clara Field,clara@field.example,,Other Ltd,,C-3
"""


async def test_an_untouched_import_is_undone_to_the_letter(service: FastAPI, org: Organisation):
    await imported(service, org, FIRST)
    people, firms = await everything(org, "contacts"), await everything(org, "companies")
    here = await imported(service, org, SECOND)
    assert await everything(org, "contacts") != people
    assert await undone(service, org.admin, here) == {"restored": 2, "archived": 2, "kept": 0}
    assert await everything(org, "contacts") == people
    assert await everything(org, "companies") == firms
    for word, hits in (("Novakova", 0), ("Novak", 1), ("new@novak.example", 0), ("anna@novak.example", 1)):
        found = (await org.admin.get("/v1/contacts", params={"q": word})).json()["data"]
        assert len(found) == hits, word


async def test_a_field_that_somebody_has_changed_since_is_left_and_listed(
    service: FastAPI, org: Organisation
):
    await imported(service, org, FIRST)
    before = await everything(org, "contacts")
    here = await imported(service, org, SECOND)
    anna = (await org.admin.get("/v1/contacts/by/import/C-1")).json()
    clara = (await org.admin.get("/v1/contacts/by/import/C-3")).json()
    for one, change in ((anna, {"name": "Anna Hand", "job_title": "Buyer"}), (clara, {"job_title": "Head"})):
        edited = await org.admin.patch(f"/v1/contacts/{one['id']}", json=change, headers=ANY)
        assert edited.status_code == 200, edited.text
    assert await undone(service, org.admin, here) == {"restored": 1, "archived": 0, "kept": 3}
    after = await everything(org, "contacts")
    assert after[anna["id"]] == before[anna["id"]] | {"name": "Anna Hand", "job_title": "Buyer"}
    assert after[clara["id"]]["name"] == "Clara Field"
    kept = {row["record_id"]: row for row in await listed(org.admin, here, outcome="kept")}
    assert kept[anna["id"]]["conflicts"] == [
        {"field": "name", "base": "Anna Novak", "theirs": "Anna Hand", "yours": "Anna Novakova"}
    ]
    # Clara was kept, and works there.
    assert [kept[one]["code"] for one in kept.keys() - {anna["id"], clara["id"]}] == ["in_use"]
    assert kept[clara["id"]]["conflicts"] == [
        {"field": "job_title", "base": None, "theirs": "Head", "yours": None}
    ]


async def test_the_corrected_file_makes_its_records_anew(service: FastAPI, org: Organisation):
    await undone(service, org.admin, await imported(service, org, FIRST))
    assert await everything(org, "contacts") == {}
    again = await imported(service, org, FIRST)
    assert (await org.admin.get(again)).json()["account"]["created"] == 2
    goods = "sku,name,price\nA-1,Lamp,12.50\n"
    await undone(service, org.admin, await imported(service, org, goods, target="product"))
    again = await imported(service, org, goods, target="product")
    assert (await org.admin.get(again)).json()["account"]["created"] == 1


async def test_an_import_is_undone_once_and_not_before_it_is_over(service: FastAPI, org: Organisation):
    sent = await org.admin.post("/v1/imports", params={"name": "people.csv"}, content=FIRST.encode())
    here = f"/v1/imports/{sent.json()['id']}"
    assert (await org.admin.post(f"{here}/undo", headers=ANY)).json()["code"] == "status_not_allowed"
    await org.admin.post(f"{here}/start", headers=ANY)
    assert (await org.admin.post(f"{here}/undo", headers=ANY)).json()["code"] == "import_under_way"
    await work_off(service)
    await undone(service, org.admin, here)
    assert (await org.admin.post(f"{here}/undo", headers=ANY)).json()["code"] == "status_not_allowed"


async def test_two_thousand_rows_are_undone_row_by_row(service: FastAPI, org: Organisation):
    async def finish(run: str) -> None:
        await work_off(service, seconds=60)
        assert (await org.admin.get(run)).json()["status"] == "done"

    await Undoing(org, 2_000, finish).check()


async def test_whom_others_have_sold_to_since_is_left_and_listed(service: FastAPI, org: Organisation):
    here = await imported(service, org, FIRST)
    anna = (await org.admin.get("/v1/contacts/by/import/C-1")).json()
    order = {"number": "1", "currency": "CNY", "placed_at": "2026-03-01T00:00:00Z", "contact_id": anna["id"]}
    assert (await org.admin.post("/v1/orders", json=order)).status_code == 201
    # Anna, and the firm that she works for.
    assert await undone(service, org.admin, here) == {"restored": 0, "archived": 1, "kept": 2}
    assert {row["code"] for row in await listed(org.admin, here, outcome="kept")} == {"in_use"}
    assert (await org.admin.get(f"/v1/contacts/{anna['id']}")).json()["archived_at"] is None


async def _limited(org: Organisation, **fields: Any) -> AsyncClient:
    given = {"scopes": ["*"], "sight": {"*": "all"}, "read": {"*": ["*"]}, "write": {"*": ["*"]}}
    await org.role("limited", **(given | fields))
    _, client = await org.user("limited", "limited")
    return client


async def test_what_was_hidden_from_who_undid_it_is_undone_by_who_sees_it(
    service: FastAPI, org: Organisation
):
    here = await imported(service, org, FIRST)
    client = await _limited(org, sight={"import": "all"})
    assert (await undone(service, client, here))["kept"] == 3
    assert await undone(service, org.admin, here) == {"restored": 0, "archived": 3, "kept": 0}
    assert await everything(org, "contacts") == {}


async def test_rights_that_are_lost_meanwhile_stop_it_and_others_go_on(service: FastAPI, org: Organisation):
    here = await imported(service, org, FIRST)
    client = await _limited(org)
    asked = await client.post(f"{here}/undo", headers=ANY)
    assert asked.status_code == 202, asked.text
    role, scopes = org.roles["limited"], ["imports:read", "imports:write", "contacts:read"]
    less = await org.admin.patch(f"/v1/roles/{role}", json={"scopes": scopes}, headers=ANY)
    assert less.status_code == 200, less.text
    await work_off(service, seconds=5)
    run = asked.headers["location"]
    assert "contacts:write" in (await org.admin.get(run)).json()["error"]
    assert (await org.admin.post(f"{here}/undo", headers=ANY)).json()["code"] == "import_under_way"
    await org.admin.post(f"{run}/cancel")
    assert (await org.admin.get(here)).json()["stage"] == "undoing"
    assert await undone(service, org.admin, here) == {"restored": 0, "archived": 3, "kept": 0}


async def _contact(org: Organisation, name: str) -> dict[str, Any]:
    said = {"name": name, "emails": [{"address": f"{name}@x.example"}]}
    made: dict[str, Any] = (await org.admin.post("/v1/contacts", json=said)).json()
    return made


async def _merge(org: Organisation, survivor: dict[str, Any], other: dict[str, Any]) -> str:
    said = {"others": [other["id"]]}
    done = await org.admin.post(f"/v1/contacts/{survivor['id']}/merge", json=said, headers=ANY)
    assert done.status_code == 200, done.text
    return f"/v1/merges/{done.json()['id']}/undo"


async def test_who_was_merged_since_is_left_and_told_until_the_merge_is_undone(
    service: FastAPI, org: Organisation
):
    old, older = await _contact(org, "old"), await _contact(org, "older")
    before = await everything(org, "contacts")
    text = "name,email,customer id\nAnna,anna@x.example,C-1\nBoris,boris@x.example,C-2\n"
    here = await imported(service, org, text)
    anna, boris = [(await org.admin.get(f"/v1/contacts/by/import/C-{n}")).json() for n in (1, 2)]
    merges = [await _merge(org, old, anna), await _merge(org, boris, older)]
    now = await everything(org, "contacts")
    assert await undone(service, org.admin, here) == {"restored": 0, "archived": 0, "kept": 2}
    kept = {row["record_id"]: row["code"] for row in await listed(org.admin, here)}
    assert kept == {anna["id"]: "merged", boris["id"]: "merged"}
    assert await everything(org, "contacts") == now
    made = (await org.admin.get(f"{here}/rows")).json()["data"]
    assert [row["record_id"] for row in made] == [anna["id"], boris["id"]]
    assert (await org.admin.get(f"/v1/contacts/{anna['id']}")).json()["merged_into_id"] == old["id"]
    for merge in merges:
        assert (await org.admin.post(merge)).status_code == 200
    assert await undone(service, org.admin, here) == {"restored": 0, "archived": 2, "kept": 0}
    assert await everything(org, "contacts") == before


async def test_what_was_changed_of_somebody_merged_since_is_not_said_to_be_taken_back(
    service: FastAPI, org: Organisation
):
    first = "name,email,customer id\nAnna,,C-1\n"
    await imported(service, org, first)
    here = await imported(service, org, first.replace(",,", ",anna@x.example,"))
    anna = (await org.admin.get("/v1/contacts/by/import/C-1")).json()
    old = await _contact(org, "old")
    merge = await _merge(org, old, anna)
    assert (await undone(service, org.admin, here))["kept"] == 1
    [row] = await listed(org.admin, here)
    assert (row["record_id"], row["code"]) == (anna["id"], "merged")
    assert "emails" in {one["field"] for one in row["conflicts"]}
    assert (await org.admin.post(merge)).status_code == 200
    assert (await undone(service, org.admin, here))["restored"] == 1
    assert (await org.admin.get(f"/v1/contacts/{anna['id']}")).json()["email"] is None


async def test_what_went_along_with_a_merged_contact_goes_back_and_hangs_on_survivors(
    service: FastAPI, org: Organisation
):
    a, b, p, q = [await _contact(org, name) for name in "abpq"]
    order = {"number": "2", "currency": "CNY", "placed_at": "2026-03-01T00:00:00Z", "contact_id": p["id"]}
    old = (await org.admin.post("/v1/orders", json=order)).json()
    text = "order number,placed at,contact email,channel,currency\n" + "".join(
        f"{number},2026-03-01T00:00:00Z,a@x.example,web,CNY\n" for number in (1, 2)
    )
    here = await imported(service, org, text, target="order")
    assert (await org.admin.get(f"/v1/orders/{old['id']}")).json()["contact_id"] == a["id"]
    await _merge(org, b, a)
    await _merge(org, q, p)
    assert await undone(service, org.admin, here) == {"restored": 1, "archived": 1, "kept": 0}
    back = (await org.admin.get(f"/v1/orders/{old['id']}")).json()
    assert (back["contact_id"], back["channel"]) == (q["id"], None)
    assert list(await everything(org, "orders")) == [old["id"]]


async def test_an_undo_that_was_cancelled_cannot_be_taken_up_beside_a_newer_one(
    service: FastAPI, org: Organisation
):
    here = await imported(service, org, "name,email\nAnna,a@x.example\nBob,b@x.example\n", target="contact")
    first = (await org.admin.post(f"{here}/undo", headers=ANY)).headers["location"]
    assert (await org.admin.post(f"{first}/cancel")).status_code == 200
    await undone(service, org.admin, here)
    assert (await org.admin.post(f"{first}/retry")).status_code == 200
    await work_off(service)
    run = (await org.admin.get(first)).json()
    assert run["result"] is None
    assert "asked for since" in run["error"]
    history = (await org.admin.get(f"{here}/history")).json()["data"]
    assert [event["type"] for event in history].count("import.undone") == 1
