"""Imports meet what is there: modes, matching, and the records that rows name."""

import asyncio
import itertools
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.usecases.imports import apply, links
from tests.makers.files import ANY, account, imported, rows
from tests.makers.organisations import Organisation


async def _made(org: Organisation, plural: str, **body: Any) -> dict[str, Any]:
    answer = await org.admin.post(f"/v1/{plural}", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _shown(org: Organisation, plural: str, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = (await org.admin.get(f"/v1/{plural}/{id_}")).json()
    return found


async def _names(org: Organisation, plural: str = "contacts") -> list[str]:
    listed = (await org.admin.get(f"/v1/{plural}", params={"limit": "200"})).json()["data"]
    return sorted(one["name"] for one in listed)


TWO = "name,email,job title\nAnna,anna@example.com,CEO\nBob,bob@example.com,CTO\n"


@pytest.mark.parametrize(
    ("mode", "expected", "names", "skipped"),
    [
        ("create", account(created=1, skipped=1), ["Ann", "Bob"], "there_already"),
        ("update", account(updated=1, skipped=1), ["Anna"], "not_there"),
        ("upsert", account(created=1, updated=1), ["Anna", "Bob"], None),
    ],
)
async def test_the_mode_says_what_may_happen(
    service: FastAPI,
    org: Organisation,
    mode: str,
    expected: dict[str, int],
    names: list[str],
    skipped: str | None,
):
    ann = await _made(org, "contacts", name="Ann", emails=[{"address": "anna@example.com"}])
    done = await imported(service, org, TWO, mode=mode)
    assert done["match"] == ["email"]
    assert done["account"] == expected
    assert await _names(org) == names
    assert (await _shown(org, "contacts", ann["id"]))["job_title"] == (None if mode == "create" else "CEO")
    listed = await rows(org, done, outcome="skipped")
    assert [row["code"] for row in listed] == ([skipped] if skipped else [])
    assert all(row["cells"] and row["detail"].endswith(".") for row in listed)


async def test_a_number_is_matched_in_whatever_form(service: FastAPI, org: Organisation):
    wei = await _made(org, "contacts", name="张伟", phones=[{"number": "+86 138 0013 8000"}])
    plan = {"match": ["phone"]}
    done = await imported(service, org, "姓名,手机,职务\n张伟,138-0013-8000,经理\n", plan=plan)
    assert done["account"] == account(updated=1)
    found = await _shown(org, "contacts", wei["id"])
    assert (found["job_title"], len(found["phones"])) == ("经理", 1)


@pytest.mark.parametrize("by", ["email", "phone"])
async def test_any_address_and_any_number_matches(service: FastAPI, org: Organisation, by: str):
    anna = await _made(
        org,
        "contacts",
        name="Anna",
        emails=[{"address": "first@example.com"}, {"address": "Second@example.com"}],
        phones=[{"number": "+442071838750"}, {"number": "+442071838751"}],
    )
    text = "name,email,email 2,phone\nA,new@example.com,second@EXAMPLE.com,+44 20 7183 8751\n"
    paths = {"name": "name", "email": "email", "email 2": "email:work", "phone": "phone"}
    done = await imported(service, org, text, plan={"mapping": paths, "match": [by]})
    assert done["account"] == account(updated=1), await rows(org, done)
    found = await _shown(org, "contacts", anna["id"])
    assert (len(found["emails"]), len(found["phones"])) == (3, 2)
    calls = "kind,at,contact email\ncall,2026-03-02 14:05,SECOND@example.com\n"
    plan = {"mapping": {"kind": "kind", "at": "at", "contact email": "contact:email"}}
    done = await imported(service, org, calls, "calls.csv", target="interaction", plan=plan)
    [call] = await rows(org, done)
    assert (await _shown(org, "interactions", call["record_id"]))["contact_id"] == anna["id"]


async def test_names_of_companies_are_the_same_in_any_case(service: FastAPI, org: Organisation):
    acme = await _made(org, "companies", name="Acme Trading")
    await _made(org, "companies", name="达华贸易")
    text = "name,company\nA,ACME Trading\nB,acme trading\nC,大华贸易\nD,New Ltd\nE,NEW LTD\n"
    plan = {"mapping": {"name": "name", "company": "company"}, "mode": "create"}
    done = await imported(service, org, text, target="contact", plan=plan)
    assert done["account"] == account(created=5), await rows(org, done)
    assert await _names(org, "companies") == ["Acme Trading", "New Ltd", "大华贸易", "达华贸易"]
    text = "company name,industry\nACME TRADING,shoes\nacme trading,boots\n"
    done = await imported(service, org, text, "x.csv", target="company", plan={"match": ["name"]})
    assert done["account"] == account(updated=2), await rows(org, done)
    assert (await _shown(org, "companies", acme["id"]))["industry"] == "boots"


async def test_what_several_have_matches_none(service: FastAPI, org: Organisation):
    for name in ("Ann", "Anne"):
        await _made(org, "contacts", name=name, emails=[{"address": "anna@example.com"}])
    done = await imported(service, org, TWO)
    assert done["account"] == account(created=1, failed=1)
    [row] = await rows(org, done, outcome="failed")
    assert (row["line"], row["code"], row["record_id"]) == (2, "match_ambiguous", None)
    assert row["cells"] == ["Anna", "anna@example.com", "CEO"]
    assert "2 contacts" in row["detail"]


async def test_the_first_way_that_finds_one_counts(service: FastAPI, org: Organisation):
    coded = await _made(org, "contacts", name="Coded", external_ids={"erp": "C-1"})
    mailed = await _made(org, "contacts", name="Mailed", emails=[{"address": "anna@example.com"}])
    plan = {
        "mapping": {"code": "external:erp", "email": "email", "title": "job_title", "name": "name"},
        "match": ["external:erp", "email"],
    }
    text = "code,email,title,name\nC-1,anna@example.com,CEO,A\nC-2,bob@example.com,CTO,B\nC-3,ANNA@example.com,COO,C\n"
    done = await imported(service, org, text, target="contact", plan=plan)
    assert [row["outcome"] for row in await rows(org, done)] == ["updated", "created", "updated"]
    assert (await _shown(org, "contacts", coded["id"]))["job_title"] == "CEO"
    # The first row gave its record the address, too; but that one has another code.
    assert (await _shown(org, "contacts", mailed["id"]))["job_title"] == "COO"


SWITCHBOARD = "+442071838750"


async def test_people_who_share_a_number_stay_apart(service: FastAPI, org: Organisation):
    bare = await _made(org, "contacts", name="Desk", phones=[{"number": SWITCHBOARD}])
    other = await _made(
        org, "contacts", name="O", phones=[{"number": SWITCHBOARD}], emails=[{"address": "o@example.com"}]
    )
    people = [f"P{n},p{n}@example.com,{SWITCHBOARD}\n" for n in range(300)]
    plan = {"match": ["email", "phone"]}
    done = await imported(service, org, "name,email,phone\n" + "".join(people), plan=plan)
    assert done["account"] == account(created=299, updated=1), await rows(org, done, outcome="failed")
    assert (await _shown(org, "contacts", bare["id"]))["email"] == "p0@example.com"
    assert (await _shown(org, "contacts", other["id"]))["version"] == 1
    unsure = await imported(
        service, org, f"name,email,phone\nDesk,,{SWITCHBOARD}\n", plan={"match": ["email", "phone"]}
    )
    [told] = await rows(org, unsure)
    assert (told["code"], "301 contacts" in told["detail"]) == ("match_ambiguous", True)


async def test_a_row_without_an_address_is_of_whom_the_file_made_with_it(service: FastAPI, org: Organisation):
    text = f"name,email,phone,job title\nA,,{SWITCHBOARD},CEO\nA,a@example.com,{SWITCHBOARD},\n"
    done = await imported(service, org, text, plan={"match": ["email", "phone"]})
    assert done["account"] == account(created=1, updated=1)
    first, second = await rows(org, done)
    assert first["record_id"] == second["record_id"]
    found = await _shown(org, "contacts", first["record_id"])
    assert (found["job_title"], found["email"]) == ("CEO", "a@example.com")


async def test_many_rows_of_one_person_take_several_batches(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(apply, "TURNS", 3)
    text = "name,email\n" + "".join(f"P{n},p@example.com\n" for n in range(10)) + "Q,q@example.com\n"
    done = await imported(service, org, text)
    assert done["account"] == account(created=2, updated=9)
    assert await _names(org) == ["P9", "Q"]


async def test_rows_of_one_person_become_one_contact(service: FastAPI, org: Organisation):
    text = "name,email,tags\nAnna,anna@example.com,a\nAnna N.,ANNA@example.com,b\n"
    done = await imported(service, org, text)
    assert done["account"] == account(created=1, updated=1)
    first, second = await rows(org, done)
    assert first["record_id"] == second["record_id"]
    found = await _shown(org, "contacts", first["record_id"])
    assert (found["name"], sorted(found["tags"]), len(found["emails"])) == ("Anna N.", ["a", "b"], 1)


@pytest.mark.parametrize(
    ("target", "text", "again", "match"),
    [
        ("product", "sku,name,price\nT-1,Tea,9.50\n", "sku,name,price\nT-1,Green tea,9.50\n", "sku"),
        ("company", "company name,industry\nAcme,shoes\n", "company name,industry\nAcme,boots\n", "name"),
        (
            "company",
            "company name,domain\nAcme,acme.example\n",
            "company name,domain\nAcme Ltd,acme.example\n",
            "domain",
        ),
        (
            "order",
            "order number,placed at,channel\nSO-1,2026-03-01,web\n",
            "order number,placed at,channel\nSO-1,2026-03-01,shop\n",
            "number",
        ),
    ],
)
async def test_each_noun_is_known_by_its_own(
    service: FastAPI, org: Organisation, target: str, text: str, again: str, match: str
):
    done = await imported(service, org, text, "x.csv", target=target, plan={"match": [match]})
    assert (done["account"], done["match"]) == (account(created=1), [match]), await rows(org, done)
    [made] = await rows(org, done)
    done = await imported(service, org, again, "x.csv", target=target, plan={"match": [match]})
    assert done["account"] == account(updated=1), await rows(org, done)
    [changed] = await rows(org, done)
    assert changed["record_id"] == made["record_id"]
    assert made["cells"] is None  # let go of once the row went well


async def test_records_that_rows_name_are_found(service: FastAPI, org: Organisation):
    seller, _ = await org.user("seller", "sales")
    email = (await _shown(org, "users", str(seller)))["email"]
    acme = await _made(org, "companies", name="Acme")
    anna = await _made(org, "contacts", name="Anna", emails=[{"address": "anna@example.com"}])
    text = f"name,company,owner\nBob,Acme,{email}\nEve,New Ltd,\nZoe,,nobody@nowhere.example\n"
    plan = {"mapping": {"name": "name", "company": "company", "owner": "owner"}, "mode": "create"}
    done = await imported(service, org, text, plan=plan)
    assert done["account"] == account(created=2, failed=1)
    bob, _, zoe = await rows(org, done)
    found = await _shown(org, "contacts", bob["record_id"])
    assert (found["company_id"], found["owner_id"]) == (acme["id"], str(seller))
    assert await _names(org, "companies") == ["Acme", "New Ltd"]
    assert (zoe["code"], "nobody@nowhere.example" in zoe["detail"]) == ("cell_invalid", True)
    calls = "kind,at,contact email,company\ncall,2026-03-02 14:05,Anna@example.com,Acme\n"
    plan = {"mapping": {"kind": "kind", "at": "at", "contact email": "contact:email", "company": "company"}}
    done = await imported(service, org, calls, "calls.csv", target="interaction", plan=plan)
    [call] = await rows(org, done)
    found = await _shown(org, "interactions", call["record_id"])
    assert (found["contact_id"], found["company_id"]) == (anna["id"], acme["id"])
    assert found["at"] == "2026-03-02T06:05:00+00:00"  # the organisation is in Shanghai


async def test_a_record_that_no_column_finds_is_a_fault_of_the_row(service: FastAPI, org: Organisation):
    anna = await _made(org, "contacts", name="Anna", phones=[{"number": "+442071838750"}])
    for name in ("Bob", "Bobby"):
        await _made(org, "contacts", name=name, emails=[{"address": "bob@example.com"}])
    text = (
        "number,placed at,contact email,contact phone\n"
        "1,2026-03-01,nobody@example.com,+442071838759\n"
        "2,2026-03-01,bob@example.com,+442071838759\n"
        "3,2026-03-01,bob@example.com,+442071838750\n"
    )
    paths = {"contact email": "contact:email", "contact phone": "contact:phone"}
    plan = {"mapping": {"number": "number", "placed at": "placed_at", **paths}}
    done = await imported(service, org, text, "orders.csv", target="order", plan=plan)
    assert done["account"] == account(created=1, failed=2), await rows(org, done)
    none, several, made = await rows(org, done)
    assert "no contact" in none["detail"]
    assert "nobody@example.com" in none["detail"]
    assert "more than one contact" in several["detail"]
    assert (await _shown(org, "orders", made["record_id"]))["contact_id"] == anna["id"]


async def test_companies_that_are_not_known_are_made_only_when_it_is_wanted(
    service: FastAPI, org: Organisation
):
    plan = {"options": {"make_missing": False}}
    done = await imported(service, org, "name,email,company\nBob,b@example.com,Nowhere Ltd\n", plan=plan)
    assert done["account"] == account(failed=1)
    assert await _names(org, "companies") == []


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
@pytest.mark.parametrize("mode", ["create", "upsert"])
async def test_a_company_that_others_of_its_file_stand_below_is_made_once(
    service: FastAPI, org: Organisation, order: tuple[int, ...], mode: str
):
    lines = ["Shop,Tea,HOUSE", "House,Tea,Group", "Group,Money,"]
    text = "\n".join(["company name,industry,parent", *(lines[n] for n in order), ""])
    done = await imported(
        service, org, text, "x.csv", target="company", plan={"mode": mode, "match": ["name"]}
    )
    assert done["account"] == account(created=3), await rows(org, done)
    listed = (await org.admin.get("/v1/companies", params={"sort": "name"})).json()["data"]
    ids = {one["name"]: one["id"] for one in listed}
    told = [(one["name"], one["industry"], one["parent_id"]) for one in listed]
    assert told == [
        ("Group", "Money", None),
        ("House", "Tea", ids["Group"]),
        ("Shop", "Tea", ids["House"]),
    ]


async def test_what_is_written_in_another_form_is_the_same(service: FastAPI, org: Organisation):
    text = "company name,domain\nAcme,acme.example\n"
    await imported(service, org, text, "x.csv", target="company", plan={"match": ["domain"]})
    again = text.replace("acme.example", "https://www.ACME.example/shop?x=1")
    done = await imported(service, org, again, "x.csv", target="company", plan={"match": ["domain"]})
    assert done["account"] == account(unchanged=1), await rows(org, done)
    boss = await _made(org, "users", name="Boss", email="The.Boss@Test.example", role_ids=[])
    plan = {"mapping": {"name": "name", "owner": "owner"}, "mode": "create"}
    done = await imported(service, org, "name,owner\nAnna,the.boss@TEST.example\n", plan=plan)
    assert done["account"] == account(created=1), await rows(org, done)
    [row] = await rows(org, done)
    assert (await _shown(org, "contacts", row["record_id"]))["owner_id"] == boss["id"]


@pytest.mark.parametrize(
    ("mode", "by"), [("update", "email"), ("update", "external:erp"), ("create", "email")]
)
async def test_what_a_row_names_is_not_made_for_one_that_is_skipped(
    service: FastAPI, org: Organisation, mode: str, by: str
):
    if mode == "create":
        await _made(org, "contacts", name="Bob", emails=[{"address": "bob@example.com"}])
    paths = {"name": "name", "email": "email", "code": "external:erp", "company": "company"}
    plan = {"mode": mode, "match": [by], "mapping": paths}
    text = "name,email,code,company\nBob,bob@example.com,C-1,Nowhere Ltd\n"
    done = await imported(service, org, text, target="contact", plan=plan)
    assert done["account"] == account(skipped=1), await rows(org, done)
    assert await _names(org, "companies") == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("Bob,b@example.com,31/02/1990,,,Nowhere Ltd", "31/02/1990"),
        (f"{'B' * 300},b@example.com,,,,Nowhere Ltd", "name"),
        ("Bob,b@example.com,,klingon speech,,Nowhere Ltd", "language"),
        ("Bob,b@example.com,,,nobody@example.com,Nowhere Ltd", "no user called"),
        (",b@example.com,,,,Nowhere Ltd", "name"),
    ],
)
async def test_what_a_bad_row_names_is_not_made_for_it(
    service: FastAPI, org: Organisation, row: str, says: str
):
    done = await imported(service, org, f"name,email,birthday,language,owner,company\n{row}\n")
    assert done["account"] == account(failed=1)
    [told] = await rows(org, done)
    assert says in told["detail"]
    assert "company" not in told["detail"]
    assert await _names(org, "companies") == []


async def test_what_a_row_names_is_made_for_one_that_only_edits(service: FastAPI, org: Organisation):
    bob = await _made(org, "contacts", name="Bob", emails=[{"address": "b@example.com"}])
    done = await imported(service, org, "name,email,company\n,b@example.com,Nowhere Ltd\n")
    assert done["account"] == account(updated=1), await rows(org, done)
    assert (await _shown(org, "contacts", bob["id"]))["company_id"] is not None


async def test_somebody_who_moves_a_company_waits_for_a_file_that_moves_it(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    acme, above = [
        (await org.admin.post("/v1/companies", json={"name": name})).json()["id"]
        for name in ("Acme", "Above")
    ]
    link, turns, moving = links.link, itertools.count(1), list[asyncio.Task[httpx.Response]]()

    async def slowly(*given: Any) -> None:
        if next(turns) == 2:  # Acme is locked since the first turn
            moved = org.admin.patch(f"/v1/companies/{acme}", json={"parent_id": above}, headers=ANY)
            moving.append(asyncio.create_task(moved))
            await asyncio.wait(moving, timeout=0.5)
        await link(*given)

    monkeypatch.setattr(links, "link", slowly)
    text = "name,industry,parent\nAcme,Tea,\nAcme,,Holding\n"
    done = await imported(service, org, text, "firms.csv", target="company", plan={"match": ["name"]})
    assert done["account"] == account(updated=2), await rows(org, done)
    assert [(await moved).status_code for moved in moving] == [200]
    assert next(turns) == 3, "nobody had to begin anew"
