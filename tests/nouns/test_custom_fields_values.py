"""Custom values are checked like built-in ones, on every way in, and come back as they were given."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, CUSTOM, Plain, holdings, made, problem, shown


def nested(levels: int) -> list[Any]:
    """A number inside so many lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


GOOD: dict[str, list[Any]] = {
    "text": ["", "北京", "x" * 10_000, "'\"\\%"],
    "integer": [0, -1, 2**63 - 1, -(2**63)],
    "number": ["12.50", "-0.000001", 7, 1.5],
    "boolean": [True, False],
    "date": ["2026-01-31", "0001-01-01", "9999-12-31"],
    "time": ["2026-01-31T08:30:00Z", "2026-01-31T08:30:00.000001+08:00"],
    "id": ["0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"],
    "labels": [[], ["a", "北京"]],
    "json": [{"a": [1, None, {"b": "c"}]}, [], "x", 1, [2**63 - 1, -(2**63)], nested(64)],
}
BAD: dict[str, list[Any]] = {
    "text": [1, [], "\x00", "x" * 10_001],
    "integer": ["1", 1.5, True, 2**63, 10**30],
    "number": ["x", "1e5", "9" * 30, True, "NaN", []],
    "boolean": [0, "true"],
    "date": ["2026-02-30", "0000-01-01", "10000-01-01", "20260131", 1],
    "time": ["2026-01-31T08:30:00", "2026-01-31", "10000-01-01T00:00:00Z", 1],
    "id": ["x", 1],
    "labels": ["a", [1], ["\x00"], {}],
    "json": ["\x00", {"\x00": 1}, {"a": ["\x00"]}, {"a": [2**63]}, nested(65)],
}


@pytest.mark.parametrize("plain", CUSTOM, ids=str)
async def test_values_of_every_kind_are_kept_or_refused_by_name(org: Organisation, plain: Plain):
    for kind in GOOD:
        field = {"noun": plain.noun.name, "key": f"my_{kind}", "kind": kind, "label": kind}
        assert (await org.admin.post("/v1/custom_fields", json=field)).status_code == 201
    record = await made(org, plain)
    here = f"{plain.path}/{record['id']}"
    for kind, values in GOOD.items():
        for value in values:
            custom = {"custom": {f"my_{kind}": value}}
            answer = await org.admin.patch(here, json=custom, headers=ANY)
            assert answer.status_code == 200, (kind, value, answer.text)
            assert answer.json()["custom"][f"my_{kind}"] == value
            again = await org.admin.patch(here, json=custom, headers=ANY)
            assert again.json()["version"] == answer.json()["version"]
    kept, before = await shown(org, plain, record["id"]), await holdings(org)
    for kind, values in BAD.items():
        for value in values:
            custom = {"custom": {f"my_{kind}": value}}
            item = plain.make(0) | custom
            for answer in (
                await org.admin.patch(here, json=custom, headers=ANY),
                await org.admin.post(plain.path, json=plain.make(1) | custom),
                await org.admin.put(f"{plain.path}/by/other/1", json=plain.make(1) | custom),
            ):
                assert answer.status_code == 422, (kind, value, answer.text)
                assert f"my_{kind}" in answer.text or "custom" in problem(answer)["detail"]
            bulk = await org.admin.post(f"{plain.path}/bulk", json={"items": [item]})
            assert bulk.json()["failed"] == 1, (kind, value)
    assert await shown(org, plain, record["id"]) == kept
    assert await holdings(org) == before


@pytest.mark.parametrize("plain", CUSTOM, ids=str)
async def test_a_required_value_and_a_choice_are_enforced(org: Organisation, plain: Plain):
    record = await made(org, plain)
    field = {"noun": plain.noun.name, "key": "size", "kind": "text", "label": "Size", "choices": ["S", "M"]}
    assert (await org.admin.post("/v1/custom_fields", json=field | {"required": True})).status_code == 201
    missing = await org.admin.post(plain.path, json=plain.make(1))
    assert problem(missing)["code"] == "custom_field_missing"
    wrong = await org.admin.post(plain.path, json=plain.make(1) | {"custom": {"size": "L"}})
    assert problem(wrong)["code"] == "custom_field_invalid"
    done = await org.admin.post(plain.path, json=plain.make(1) | {"custom": {"size": "M"}})
    assert done.status_code == 201, done.text
    taken_away = await org.admin.patch(
        f"{plain.path}/{done.json()['id']}", json={"custom": {"size": None}}, headers=ANY
    )
    assert problem(taken_away)["code"] == "custom_field_missing"
    unknown = await org.admin.patch(
        f"{plain.path}/{record['id']}", json={"custom": {"size": "S", "colour": "red"}}, headers=ANY
    )
    assert problem(unknown)["code"] == "custom_field_unknown"


NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?(e[+-]?[0-9]{1,2})?", fullmatch=True)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=NUMBER)
@example(text=str(10**30))
@example(text="0.12345678901234567891")
@example(text="1e30")
async def test_a_number_in_json_is_kept_exactly_or_refused_alike_on_every_way_in(
    org: Organisation, text: str
):
    field = {"noun": "contact", "key": "raw", "kind": "json", "label": "Raw"}
    assert (await org.admin.post("/v1/custom_fields", json=field)).status_code in {201, 409}
    body = f'{{"name": "n", "custom": {{"raw": {{"a": [{text}]}}}}}}'
    sent = {"content-type": "application/json"}
    one = await org.admin.post("/v1/contacts", content=body, headers=sent)
    put = await org.admin.put("/v1/contacts/by/crm/one", content=body, headers=sent)
    bulk = (await org.admin.post("/v1/contacts/bulk", content=f'{{"items": [{body}]}}', headers=sent)).json()
    if one.status_code == 201:
        listed = [
            f"/v1/contacts/{bulk['items'][0]['id']}",
            one.headers["location"],
            "/v1/contacts/by/crm/one",
        ]
        for here in listed:
            kept = (await org.admin.get(here)).text
            assert [Decimal(text)] == json.loads(kept, parse_float=Decimal, parse_int=Decimal)["custom"][
                "raw"
            ]["a"]
    else:
        assert one.json()["code"] in {"number_inexact", "custom_field_invalid"}
        refused = {one.json()["code"], put.json()["code"], bulk["items"][0]["problem"]["code"]}
        assert len(refused) == 1, refused
