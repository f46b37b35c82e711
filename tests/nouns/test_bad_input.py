"""Whatever is sent, the answer names the fault, and nothing is written."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain.fields import Kind
from tests.makers.organisations import Organisation
from tests.nouns.nouns import (
    ANY,
    BULK,
    Plain,
    each_noun,
    holdings,
    made,
    problem,
    puts,
    run_here,
    serves,
)

DEEP = "[" * 100_000 + "]" * 100_000
RAW = {
    "empty": b"",
    "cut off": b'{"name": "a"',
    "trailing": b'{"name": "a"} x',
    "single quotes": b"{'name': 'a'}",
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "raw NUL": b'{"name": "a\x00b"}',
    "only NUL": b"\x00",
    "list": b"[]",
    "text": b'"name"',
    "number": b"1",
    "null": b"null",
    "NaN": b'{"name": NaN}',
    "a million numbers": b"[" + b"0," * 999_999 + b"0]",
    "a million fields": json.dumps({f"f{n}": n for n in range(100_000)}).encode(),
    "deep": DEEP.encode(),
    "deep inside": b'{"custom": {"a": ' + DEEP.encode() + b"}}",
    "surrogate in a name": b'{"\\ud800": 1}',
    "surrogate in a custom name": b'{"custom": {"\\ud800": 1}}',
    "surrogate before a number": b'{"\\ud800": 0.1000000000000000055511151231257827}',
    "surrogate in a condition": b'{"where": {"field": "id", "op": "is_null", "value": true, "\\ud800": 1}}',
    "NUL in a name": b'{"a\\u0000": 1}',
    "5000 digits": b'{"name": ' + b"9" * 5_000 + b"}",
}
TEXTS = ["\x00", "a\x00b", "\ud800", "a\udfffb", "x" * 200_000]
WORST = {
    Kind.TEXT: [*TEXTS, 1, 1.5, True, [], {}],
    Kind.INTEGER: [-1, 2**31, 2**63, 10**30, 1.5, 1e400, float("nan"), "x", "", [], {}],
    Kind.NUMBER: [
        1.5,
        0.1,
        -1.0,
        "-1",
        "-0.0001",
        "NaN",
        "Infinity",
        "1e400",
        "1e30",
        "9" * 30,
        "0." + "1" * 30,
        "",
        "x",
        [],
        {},
        True,
    ],
    Kind.BOOLEAN: [2, "maybe", [], {}, 1.5],
    Kind.DATE: [
        "0000-01-01",
        "0001-01-01",
        "1849-12-31",
        "2200-01-01",
        "10000-01-01",
        "9999-12-31",
        "2026-02-30",
        "",
        "x",
        "2026-01-01T00:00:01Z",
        86400,
        "86400",
        10**30,
        1e400,
        [],
        {},
        True,
    ],
    Kind.TIME: [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:00+25:00",
        1767225600,
        "1767225600",
        -5.5,
        "",
        "x",
        10**30,
        1e400,
        float("nan"),
        [],
        {},
        True,
    ],
    Kind.ID: ["", "x", "0197b2a4", "\x00", 1, [], {}],
    Kind.LABELS: [
        "x",
        1,
        {},
        ["\x00"],
        ["\ud800"],
        [1],
        [None],
        [[]],
        [""],
        ["x" * 100_000],
        ["x"] * 100_000,
    ],
    Kind.JSON: [
        "x",
        1,
        True,
        [1],
        [None],
        ["\x00"],
        {"": "x"},
        {"\x00": "x"},
        {"a": "\x00"},
        {"\ud800": "x"},
    ],
}


def sent(body: Any) -> bytes:
    """JSON as a careless client writes it: NaN, infinities and lone surrogates included."""
    return json.dumps(body).encode()


async def nothing(org: Organisation, calls: AsyncIterator[tuple[str, httpx.Response]]) -> None:
    """Every call is refused with a problem, and nothing is kept."""
    before = await holdings(org)
    async for case, answer in calls:
        assert 400 <= answer.status_code < 500, (case, answer.status_code, answer.text[:300])
        problem(answer)
    assert await holdings(org) == before


def written(plain: Plain, here: str) -> list[tuple[str, str]]:
    """Method and path of the noun's writes that take a body."""
    writes = [("POST", plain.path), ("PATCH", here)]
    if serves(plain, "POST", "/bulk"):
        writes.append(("POST", f"{plain.path}/bulk"))
    if puts(plain):
        writes.append(("PUT", f"{plain.path}/by/erp/none"))
    return [*writes, ("POST", f"{plain.path}/search"), ("POST", f"{plain.path}/count")]


@each_noun
async def test_a_body_that_is_no_such_object_is_refused(org: Organisation, plain: Plain):
    record = await made(org, plain)

    async def calls() -> AsyncIterator[tuple[str, httpx.Response]]:
        for method, path in written(plain, f"{plain.path}/{record['id']}"):
            for case, raw in RAW.items():
                if raw == b"" and path.endswith(("/search", "/count")):
                    continue
                if len(raw) > 100_000 and plain.noun.name != "contact":
                    continue  # what reads bodies is the same for all
                headers = ANY | {"Content-Type": "application/json"}
                yield (
                    f"{method} {path} {case}",
                    await org.admin.request(method, path, content=raw, headers=headers),
                )

    await nothing(org, calls())


@each_noun
async def test_a_value_of_another_kind_is_refused_by_name(org: Organisation, plain: Plain):
    record = await made(org, plain)
    here = f"{plain.path}/{record['id']}"
    fields = {
        name: field
        for name, field in plain.noun.fields.items()
        if name in plain.make(0) or name in plain.spread or name in plain.edits_only
    }

    async def calls() -> AsyncIterator[tuple[str, httpx.Response]]:
        headers = ANY | {"Content-Type": "application/json"}
        for name, field in fields.items():
            for value in WORST[field.kind]:
                if name in {"sight", "read", "write"} and value == {"": "x"}:
                    continue
                body = sent({name: value})
                edited = await org.admin.patch(here, content=body, headers=headers)
                yield f"PATCH {name} {value!r:.60}", edited
                assert name in edited.text, (name, edited.text[:300])
                yield (
                    f"POST {name} {value!r:.60}",
                    await org.admin.post(
                        plain.path, content=sent(plain.make(1) | {name: value}), headers=headers
                    ),
                )

    await nothing(org, calls())


@pytest.mark.parametrize("plain", BULK, ids=str)
async def test_bad_items_of_a_batch_fail_and_nothing_else(org: Organisation, plain: Plain):
    fields = {
        name: field
        for name, field in plain.noun.fields.items()
        if name in plain.make(0) or name in plain.spread
    }
    before = await holdings(org)
    for name, field in fields.items():
        items = [
            plain.make(n) | {name: value}
            for n, value in enumerate(WORST[field.kind])
            if "\\ud" not in json.dumps(value) and "nan" not in repr(value) and "inf" not in repr(value)
        ]
        answer = await org.admin.post(f"{plain.path}/bulk", content=sent({"items": items}))
        if answer.status_code == 200:
            assert answer.json()["failed"] == len(items), (
                name,
                [i["status"] for i in answer.json()["items"]],
            )
        else:
            problem(answer)
    assert await holdings(org) == before


@each_noun
async def test_odd_addresses_and_parameters_are_answered(org: Organisation, plain: Plain):
    record = await made(org, plain)
    listing = [
        "limit",
        "cursor",
        "sort",
        "fields",
        "archived",
        "q",
        "created_since",
        "no_such_parameter",
        "owner_id",
        "tag",
    ]
    before = await holdings(org)
    for value in [
        "\x00",
        "a\x00",
        "é" * 3000,
        "' or 1=1 --",
        "-",
        ",",
        "1e400",
        "10000-01-01T00:00:00Z",
        "9" * 40,
        "0",
        "-1",
        "201",
        "",
    ]:
        for name in listing:
            answer = await org.admin.get(plain.path, params={name: value})
            assert answer.status_code < 500, (name, value, answer.text[:300])
            if answer.status_code != 200:
                problem(answer)
            else:
                assert name in {"q", "tag", "fields", "cursor"} or value in {"0", "-1"}, (name, value)
        for path in (
            f"{plain.path}/{{}}",
            f"{plain.path}/{{}}/history",
            f"{plain.path}/by/{{}}/x",
            f"{plain.path}/by/x/{{}}",
        ):
            quoted = str(httpx.QueryParams({"v": value}))[2:].replace("+", "%20") or "%20"
            answer = await org.admin.get(path.format(quoted))
            assert 400 <= answer.status_code < 500, (path, value, answer.text[:300])
            problem(answer)
        if value:
            tried = await org.admin.patch(
                f"{plain.path}/{record['id']}", json={}, params={"dry_run": value}, headers=ANY
            )
            assert problem(tried)["code"] == "parameter_invalid"
    for tag in (b'"\xff"', b"\x00", b"3", b'"x"', b'"99999999999"', b"", b'"1", "2"'):
        answer = await org.admin.patch(f"{plain.path}/{record['id']}", json={}, headers={b"If-Match": tag})
        assert answer.status_code in {412, 422}, answer.text
    assert await holdings(org) == before


async def test_invalid_utf8_in_an_address_is_answered(org: Organisation):
    for raw in (
        b"/v1/contacts?q=%FF",
        b"/v1/contacts?%FF=1",
        b"/v1/contacts/%FF",
        b"/v1/contacts/by/erp/%FF%00",
        b"/v1/contacts/by/erp/%ED%A0%80",
        b"/v1/contacts?q=%ED%A0%80",
    ):
        answer = await org.admin.get(httpx.URL("http://test").copy_with(raw_path=raw))
        assert answer.status_code < 500, (raw, answer.text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(TEXTS[:4]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(TEXTS[:4]), inner, max_size=3)
    ),
    max_leaves=6,
)


@each_noun
async def test_any_json_is_taken_or_refused_by_name(org: Organisation, plain: Plain):
    record = await made(org, plain)
    here = f"{plain.path}/{record['id']}"
    names = sorted(
        {
            *plain.make(0),
            *plain.spread,
            *plain.edits_only,
            "custom",
            "where",
            "id",
            "emails",
            "lines",
            "addresses",
        }
    )
    body = st.dictionaries(st.sampled_from(names), JSON, max_size=3)
    headers = ANY | {"Content-Type": "application/json"}

    @settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(body)
    async def any_body(body: Any) -> None:
        for method, path in written(plain, here):
            content = sent({"items": [body]} if path.endswith("/bulk") else body)
            answer = await org.admin.request(method, f"{path}", content=content, headers=headers)
            assert answer.status_code < 500, (method, path, answer.text[:300])
            if answer.status_code >= 400:
                problem(answer)

    await run_here(any_body)
