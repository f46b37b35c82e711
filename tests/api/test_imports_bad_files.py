"""Bad files: what is wrong is named in a sentence, nothing is half-written, and nothing falls over."""

import gzip
import io
import zipfile
from collections.abc import Sequence

import openpyxl
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.makers.files import account, done, imported, rows, sent
from tests.makers.organisations import Organisation
from tests.nouns.nouns import run_here


def book(rows: Sequence[Sequence[object]]) -> bytes:
    made = openpyxl.Workbook()
    page = made.worksheets[0]
    for row in rows:
        page.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/worksheets/sheet1.xml", b"0" * 300_000_000)
    return out.getvalue()


async def holdings(org: Organisation) -> list[int]:
    tables = ("imports", "import_rows", "files", "file_parts", "contacts", "events")
    async with org.database.connection(org.id) as connection:
        return [
            await connection.fetchval(f"select count(*) from {table} where org_id = $1", org.id)  # noqa: S608 - the names above
            for table in tables
        ]


@pytest.mark.parametrize(
    ("data", "said", "code"),
    [
        (b"", {}, "file_empty"),
        (b"\xef\xbb\xbf\r\n \n", {}, "file_empty"),
        (b"name,email,name\na,b,c\n", {}, "header_twice"),
        (b",,\n,,\n", {}, "header_missing"),
        (b"a\n" + b"0" * 10, {"encoding": "klingon"}, "encoding_unknown"),
        (b"PK\x03\x04 and then nothing", {}, "xlsx_broken"),
        (b"%PDF-1.7 and more", {}, "format_unknown"),
        (b"name\nx\n", {"format": "xlsx"}, "xlsx_broken"),
        (gzip.compress(b"name,email\n" + bytes(range(256)) * 40)[:60], {}, "gzip_broken"),
        (gzip.compress(b"a\n" + b"0" * 200_000_000), {}, "unpacked_too_large"),
        (b"name\nx\n", {"preset": "nonsense"}, "preset_unknown"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused(
    org: Organisation, data: bytes, said: dict[str, str], code: str
):
    before = await holdings(org)
    answer = await org.admin.post("/v1/imports", params={"name": "people.csv", **said}, content=data)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["detail"].endswith(".")
    assert await holdings(org) == before


async def test_a_sheet_that_would_swell_is_refused(org: Organisation):
    answer = await org.admin.post("/v1/imports", params={"name": "x.xlsx"}, content=bomb())
    assert (answer.status_code, answer.json()["code"]) == (422, "unpacked_too_large")


async def test_a_header_alone_is_an_import_of_nothing(service: FastAPI, org: Organisation):
    one = await imported(service, org, "name,email\n")
    assert one["account"] == account()


async def test_a_file_above_the_limit_of_other_bodies_is_taken(service: FastAPI, org: Organisation):
    lines = "".join(f"P {n},p{n}@example.com,{'x' * 400}\n" for n in range(6_000))
    text = "name,email,job title\n" + lines
    assert len(text) > 2 * 2**20
    one = await sent(org, text)
    assert one["size"] == len(text)


async def test_the_wrong_encoding_is_seen_row_by_row(service: FastAPI, org: Organisation):
    text = "name,email\nMüller,m@example.com\nAnna,a@example.com\n".encode("cp1252")
    one = await imported(service, org, text, encoding="utf-8")
    assert one["account"] == account(created=1, failed=1)
    [failed] = await rows(org, one, outcome="failed")
    assert failed["code"] == "cell_undecodable"
    assert "encoding" in failed["detail"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("packed", [False, True])
async def test_usual_encodings_are_told(service: FastAPI, org: Organisation, encoding: str, packed: bool):
    data = ("姓名,邮箱,备注\n" + "".join(f"张伟{n},w{n}@example.com,老客户\n" for n in range(30))).encode(
        encoding
    )
    one = await imported(service, org, gzip.compress(data) if packed else data)
    assert one["account"] == account(created=30)
    names = (await org.admin.get("/v1/contacts", params={"limit": "1", "sort": "created_at"})).json()["data"]
    assert names[0]["name"].startswith("张伟")


RAGGED = "\n".join(
    [
        "name,email,birthday",
        "Short,s@example.com",
        "Long,l@example.com,1990-01-01,more",
        f"{'x' * 10_000_000},big@example.com,1990-01-01",
        "Nul\x00,n@example.com,1990-01-01",
        "Date,d@example.com,31/02/1990",
        "Open,o@example.com,03/04/1990",
        "=HYPERLINK(1),f@example.com,1990-01-01",
        ",only@example.com,1990-01-01",
        "Good,g@example.com,1990-05-17",
    ]
)


async def test_bad_rows_cost_the_good_ones_nothing(service: FastAPI, org: Organisation):
    one = await sent(org, RAGGED, plan={"options": {"date_order": None}})
    shown = (await org.admin.get(f"/v1/imports/{one['id']}/preview")).json()["rows"]
    assert [bool(row["problems"]) for row in shown] == [True] * 6 + [False, False, False]
    one = await done(service, org, one)
    listed = await rows(org, one)
    assert [row["code"] for row in listed] == [
        "row_ragged", "row_ragged", "cell_too_long", "cell_undecodable", "cell_invalid", "cell_invalid",
        None, "incomplete", None,
    ]  # fmt: skip
    assert one["account"] == account(created=2, failed=7)
    for row in listed:
        assert row["detail"] is None or row["detail"].endswith("."), row
        assert all(cell is None or len(cell) <= 1_000 for cell in row["cells"] or ())
    assert "31/02/1990" in listed[4]["detail"]
    counted = await org.admin.post("/v1/contacts/count", json={})
    assert counted.json()["count"] == 2


@pytest.mark.parametrize(
    ("price", "mark", "expected"),
    [
        ("1.234,56", ",", "1234.56"),
        ("1,234.56", ".", "1234.56"),
        ("1.234,56", ".", None),
        ("￥1,234.5", ".", "1234.5"),
        ("twelve", ".", None),
        ("1e400000000", ".", None),
        ("NaN", ".", None),
        ("9" * 400, ".", None),
        ("0.123456789", ".", None),
    ],
)
async def test_amounts_are_read_as_they_are_written(
    service: FastAPI, org: Organisation, price: str, mark: str, expected: str | None
):
    text = f'sku,name,price\nT-1,Tea,"{price}"\n'
    one = await imported(service, org, text, target="product", plan={"options": {"decimal_mark": mark}})
    [row] = await rows(org, one)
    if expected is None:
        assert one["account"] == account(failed=1)
        assert row["detail"].endswith("."), row
    else:
        assert one["account"] == account(created=1), row
        found = (await org.admin.get(f"/v1/products/{row['record_id']}")).json()
        assert float(found["price"]) == float(expected)


async def test_the_way_of_writing_amounts_is_told_from_the_file(org: Organisation):
    one = await sent(org, 'sku;name;price\nT-1;Tea;"1.234,56"\nT-2;Tea;7,50\n', target="product")
    assert one["options"]["decimal_mark"] == ","


async def test_a_sheet_becomes_records(service: FastAPI, org: Organisation):
    data = book([["姓名", "手机", "生日"], ["张伟", 13800138000, "1990-05-17"], ["=1+1", None, "31/02/1990"]])
    one = await imported(service, org, data, "people.xlsx", plan={"mode": "create"})
    assert one["account"] == account(created=1, failed=1)


async def test_any_bytes_are_taken_or_refused(org: Organisation):
    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.xlsx", "x.ndjson", "x.csv.gz"]))
    async def each(data: bytes, name: str) -> None:
        answer = await org.admin.post("/v1/imports", params={"name": name, "target": "contact"}, content=data)
        assert answer.status_code in {201, 422}, answer.text
        if answer.status_code == 201:
            here = f"/v1/imports/{answer.json()['id']}"
            for rest in ("/preview", "/rows", "/failures.csv"):
                assert (await org.admin.get(here + rest)).status_code == 200

    await run_here(each)
