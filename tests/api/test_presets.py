"""Presets: what an organisation has said once of a file's columns holds for the files that come after."""

from fastapi import FastAPI

from app.domain.presets import PRESETS
from tests.api.test_imports import _done, _sent
from tests.makers.organisations import Organisation

FILE = "Kunde;Mail;Umsatz;Seit\nAnna;anna@example.com;1.234,50;03/04/2026\n"
OWN = {
    "key": "our-shop",
    "note": "Monthly, from the shop",
    "target": "contact",
    "mode": "create",
    "match": ["email"],
    "mapping": {"Kunde": "name", "MAIL": "email", "Umsatz": "custom.spent", "Not there": "phone"},
    "options": {"decimal_mark": ",", "date_order": "dmy", "system": "shop"},
}


async def _field(org: Organisation) -> None:
    field = {"noun": "contact", "key": "spent", "kind": "number", "label": "Spent"}
    assert (await org.admin.post("/v1/custom_fields", json=field)).status_code == 201


async def test_a_file_is_read_as_the_preset_says(service: FastAPI, org: Organisation):
    await _field(org)
    assert (await org.admin.post("/v1/presets", json=OWN)).status_code == 201
    one = await _sent(org, FILE, "shop.csv", preset="our-shop")
    assert (one["target"], one["mode"], one["match"]) == ("contact", "create", ["email"])
    assert one["mapping"] == {"Kunde": "name", "Mail": "email", "Umsatz": "custom.spent"}
    assert {name: one["options"][name] for name in OWN["options"]} == OWN["options"]
    done = await _done(service, org, one)
    assert done["account"]["created"] == 1, done
    [anna] = (await org.admin.get("/v1/contacts", params={"email": "anna@example.com"})).json()["data"]
    assert anna["custom"]["spent"] == "1234.50"


async def test_what_is_asked_comes_before_what_the_preset_says(org: Organisation):
    await _field(org)
    assert (await org.admin.post("/v1/presets", json=OWN)).status_code == 201
    assert (await _sent(org, FILE, "shop.csv", preset="our-shop", mode="update"))["mode"] == "update"


async def test_an_own_preset_comes_before_a_shipped_one_until_it_is_archived(org: Organisation):
    own = OWN | {"key": "hubspot-contacts", "mapping": {"First Name": "name"}, "match": []}
    made = (await org.admin.post("/v1/presets", json=own)).json()
    file = "First Name,Email\nAnna,anna@example.com\n"
    assert (await _sent(org, file, "x.csv", preset="hubspot-contacts"))["mapping"] == {"First Name": "name"}
    archived = await org.admin.post(f"/v1/presets/{made['id']}/archive", headers={"If-Match": "*"})
    assert archived.status_code == 200
    assert (await _sent(org, file, "x.csv", preset="hubspot-contacts"))["mapping"] == {
        "First Name": "given_name",
        "Email": "email",
    }


async def test_another_organisations_preset_is_unknown(org: Organisation, other: Organisation):
    assert (await org.admin.post("/v1/presets", json=OWN | {"mapping": {}})).status_code == 201
    params = {"name": "x.csv", "preset": "our-shop"}
    refused = await other.admin.post("/v1/imports", params=params, content=FILE.encode())
    assert (refused.status_code, refused.json()["code"]) == (422, "preset_unknown")


async def test_a_preset_says_only_where_columns_can_go(org: Organisation):
    for mapping, code in (({"a": "nowhere"}, "path_unknown"), ({"a": "name", "b": "name"}, "path_twice")):
        refused = await org.admin.post("/v1/presets", json=OWN | {"mapping": mapping})
        assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_those_that_come_along_are_listed(org: Organisation):
    listed = (await org.admin.get("/v1/presets/shipped")).json()["data"]
    assert [one["key"] for one in listed] == list(PRESETS)
    assert all(one["title_zh"] and one["columns"] for one in listed)
