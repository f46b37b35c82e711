"""Files of rows are recognised and read, whatever wrote them; what cannot be read is named."""

import csv
import gzip
import io
import json
import tracemalloc
import zipfile
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from time import thread_time
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from app.kit import lines, tables, workbooks
from app.kit.formulas import unescaped
from app.kit.lines import Unreadable
from app.kit.tables import Layout, Row

CELLS = st.text(
    st.characters(codec="gb18030", exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\ufeff"),
    max_size=12,
).map(str.strip)
TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(any), min_size=1, max_size=20)
HEADER = ["姓名", "phone", "备注"]


def written(rows: list[list[str]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([HEADER, *rows])
    return out.getvalue().encode(encoding)


def read(data: bytes, name: str = "file.csv", **stated: Any) -> tuple[Layout, list[Row]]:
    file = io.BytesIO(data)
    layout = tables.detect(file, name, **stated)
    return layout, list(tables.rows(file, layout))


def cells(rows: list[list[str]]) -> list[tuple[str | None, ...]]:
    return [tuple(unescaped(cell) or None for cell in row) for row in rows]


def sheet(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@given(TABLES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]), st.booleans())
def test_what_was_written_is_read(rows: list[list[str]], encoding: str, packed: bool) -> None:
    data = written(rows, encoding)
    _, found = read(gzip.compress(data) if packed else data, encoding=encoding, delimiter=",", quote='"')
    assert [row.cells for row in found] == cells(rows)
    assert not any(row.fault for row in found)


ORDERS = [
    ["张伟", "13800138000", "你好，世界"],
    ["李娜", "13900139000", "a, b; c"],
    ["O'Neil", "+49 30", 'says "hi"'],
] * 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_told(encoding: str, delimiter: str) -> None:
    layout, found = read(written(ORDERS, encoding, delimiter))
    assert (layout.encoding.removesuffix("-sig"), layout.delimiter) == (
        encoding.removesuffix("-sig"),
        delimiter,
    )
    assert layout.columns == tuple(HEADER)
    assert [row.cells for row in found] == cells(ORDERS)


def test_western_text_that_is_not_utf8_is_told() -> None:
    layout, found = read("Name;Betrag\nMüller;1.234,56\nSchön;2,00\n".encode("cp1252"))
    assert layout.encoding == "cp1252"
    assert found[0].cells == ("Müller", "1.234,56")


def test_a_line_break_in_a_cell_keeps_the_lines_counted() -> None:
    _, found = read(b'a,b\n"x\ny",1\n\nz,2\n')
    assert [(row.line, row.cells) for row in found] == [(2, ("x\ny", "1")), (5, ("z", "2"))]


@given(TABLES)
def test_a_sheet_is_read(rows: list[list[str]]) -> None:
    clean = [[cell.lstrip("=") for cell in row] for row in rows]
    layout, found = read(sheet([HEADER, *clean]), "file.xlsx")
    assert layout.format == "xlsx"
    assert [row.cells for row in found] == [row for row in cells(clean) if any(row)]


def test_numbers_and_days_of_a_sheet_come_as_a_person_would_write_them() -> None:
    moment = datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001 - spreadsheets have no zones
    _, found = read(
        sheet([["a", "b", "c", "d"], [3.0, 1.5, date(2026, 1, 2), moment], [True, None, "x", 7]]), "x.xlsx"
    )
    assert [row.cells for row in found] == [
        ("3", "1.5", "2026-01-02", "2026-01-02 03:04:00"),
        ("true", None, "x", "7"),
    ]


def test_objects_one_a_line_are_read() -> None:
    lines = [{"name": "张", "n": 1, "tags": ["a"]}, {"name": "李", "n": 2.5}, {"name": None, "ok": True}]
    layout, found = read("\n".join(map(json.dumps, lines)).encode() + b"\nnope\n", "x.ndjson")
    assert layout.columns == ("name", "n", "tags", "ok")
    assert found[0].cells == ("张", "1", '["a"]', None)
    assert found[2].cells == (None, None, None, "true")
    assert found[3].fault is not None
    assert found[3].fault[0] == "line_not_json"


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/worksheets/sheet1.xml", b"0" * 300_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"\xef\xbb\xbf \n\n", "file_empty"),
        (gzip.compress(b""), "file_empty"),
        (gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(100)))[:80], "gzip_broken"),
        (gzip.compress(b"a\n" + b"0" * 200_000_000), "unpacked_too_large"),
        (b"a,b,a\n1,2,3\n", "header_twice"),
        (b",,\n", "header_missing"),
        (b",".join(b"c%d" % n for n in range(1_001)) + b"\n", "columns_too_many"),
        (b"PK\x03\x04 and then nothing", "xlsx_broken"),
        (sheet([["a"], ["1"]])[:3000], "xlsx_broken"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old spreadsheet", "format_unknown"),
        (b"%PDF-1.7", "format_unknown"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(data: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(data)
    assert refusal.value.code == code


def test_a_packed_sheet_that_would_swell_is_refused() -> None:
    with pytest.raises(Unreadable) as refusal:
        read(bomb(), "x.xlsx")
    assert refusal.value.code == "unpacked_too_large"


def test_an_archive_that_is_no_sheet_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("contacts.csv", b"a,b\n")
    with pytest.raises(Unreadable) as refusal:
        read(out.getvalue())
    assert refusal.value.code == "format_unknown"


def test_a_header_alone_has_no_rows() -> None:
    layout, found = read(b"a,b\n")
    assert (layout.columns, found) == (("a", "b"), [])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"1", "row_ragged"),
        (b"1,2,3", "row_ragged"),
        (b"x" * 200_000 + b",1", "cell_too_long"),
        (b"x" * 10_000_000 + b",1", "cell_too_long"),
        (b"x\xff,1", "cell_undecodable"),
        (b"x\x00,1", "cell_undecodable"),
    ],
)
def test_a_row_that_cannot_be_read_costs_no_other(line: bytes, code: str) -> None:
    _, found = read(b"a,b\n1,2\n" + line + b"\n3,4\n", encoding="utf-8", delimiter=",")
    assert [row.fault and row.fault[0] for row in found] == [None, code, None]
    assert found[2].cells == ("3", "4")
    for cell in found[1].cells:
        assert cell is None or (len(cell) <= 1_000 and "\x00" not in cell and cell.encode())


def test_empty_cells_beyond_the_last_column_do_no_harm() -> None:
    _, found = read(b"a,b,,\n1,2,,\n")
    assert [row.cells for row in found] == [("1", "2")]


@given(st.binary(max_size=400), st.sampled_from(["x.csv", "x.xlsx", "x.ndjson", "x.csv.gz", ""]))
def test_any_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    with suppress(Unreadable):
        _, found = read(data, name)
        for row in found:
            for cell in row.cells:
                assert cell is None or ("\x00" not in cell and cell.encode())


def test_a_sheet_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(Unreadable, match="Sheet"):
        read(sheet([["a"], [1]]), "x.xlsx", sheet="Tabelle1")


def test_an_encoding_that_is_none_is_refused() -> None:
    for encoding in ("klingon", "hex"):
        with pytest.raises(Unreadable, match="no encoding"):
            read(b"a,b\n1,2\n", encoding=encoding)


STRAY = 'Ann,a@x\n"Bob,b@x\nCid,c@x\nDan,d@x\n'


def test_a_stray_quote_costs_its_own_row_only() -> None:
    _, found = read(f"name,email\n{STRAY}".encode(), delimiter=",", quote='"')
    assert [(row.line, row.cells, row.fault and row.fault[0]) for row in found] == [
        (2, ("Ann", "a@x"), None),
        (3, ('"Bob', "b@x"), "quote_open"),
        (4, ("Cid", "c@x"), None),
        (5, ("Dan", "d@x"), None),
    ]


def test_a_stray_quote_costs_no_row_before_the_next_one() -> None:
    _, found = read(f"name,email\n{STRAY * 3}".encode(), delimiter=",", quote='"')
    assert [row.fault and row.fault[0] for row in found] == [None, "quote_open", None, None] * 3
    assert [row.line for row in found] == list(range(2, 14))


def test_a_quote_that_never_ends_costs_no_more_than_a_long_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 10_000)
    people = "".join(f"P{n},p{n}@x\n" for n in range(5_000))
    _, found = read(f'name,email\n"Bob,b@x\n{people}'.encode(), delimiter=",", quote='"')
    assert [row.fault and row.fault[0] for row in found] == ["quote_open"] + [None] * 5_000


def test_quotes_that_are_escaped_are_read() -> None:
    text = 'name,note\nA,"says \\"hi, you\\" now"\nB,"x \\"y\\""\nC,"1\\2\\\\x"\n'
    layout, found = read(text.encode())
    assert layout.escape == "\\"
    assert [row.cells[1] for row in found] == ['says "hi, you" now', 'x "y"', "1\\2\\x"]


def test_a_faulty_row_keeps_its_cells() -> None:
    note = "n" * 5_000
    _, found = read(f"a,b\n{note},1,2\n{'x' * 100_001},{note}\n".encode(), delimiter=",")
    assert found[0].cells == (note, "1", "2")
    assert found[1].cells == ("x" * 1_000, note)
    assert found[1].fault is not None
    assert "first 1,000" in found[1].fault[1]


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16-le"):
        data = b"\xff\xfe" if encoding == "utf-16-le" else b"\xef\xbb\xbf"
        layout, _ = read(data + '"name",b\n1,2\n'.encode(encoding.removesuffix("-sig")), encoding=encoding)
        assert layout.columns == ("name", "b")


def test_a_row_of_blanks_is_left_out() -> None:
    assert [row.cells for row in read(b"a,b\n , \n \n1,2\n")[1]] == [("1", "2")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(TABLES, st.sampled_from(["utf-8", "utf-16", "gb18030", "cp037"]), st.booleans())
def test_reading_goes_on_from_any_row(end: str, rows: list[list[str]], encoding: str, packed: bool) -> None:
    text = "a,b,c" + written(rows).decode().removeprefix(",".join(HEADER)).replace("\r\n", end)
    data = text.encode(encoding, "replace")
    file = io.BytesIO(gzip.compress(data) if packed else data)
    layout = tables.detect(file, "x.csv", encoding=encoding, delimiter=",", quote='"')
    found = list(tables.rows(file, layout))
    assert len(found) == len(rows)
    for n, row in enumerate(found):
        assert list(tables.rows(file, layout, row.after)) == found[n + 1 :]


@given(st.lists(st.integers() | st.text()), st.booleans())
def test_reading_objects_goes_on_from_any_row(values: list[Any], packed: bool) -> None:
    data = b"\n\n".join(json.dumps({"a": value}).encode() for value in ["x", *values])
    file = io.BytesIO(gzip.compress(data) if packed else data)
    layout = tables.detect(file, "x.ndjson")
    found = list(tables.rows(file, layout))
    assert len(found) == len(values) + 1
    for n, row in enumerate(found):
        assert list(tables.rows(file, layout, row.after)) == found[n + 1 :]


class Endless(io.RawIOBase):
    """A file of one line that is long."""

    def __init__(self, begin: bytes, size: int) -> None:
        super().__init__()
        self._begin, self._size, self._at = begin, size, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (self._size if whence == io.SEEK_END else 0)
        return self._at

    def read(self, size: int = -1) -> bytes:
        block = (self._begin if self._at == 0 else b"x" * size)[: max(0, self._size - self._at)]
        self._at += len(block)
        return block


@pytest.mark.parametrize(
    ("begin", "name"), [(b"a,b\n", "x.csv"), (b'a,b\n"', "x.csv"), (b'{"a":1}\n', "x.ndjson")]
)
def test_memory_does_not_grow_with_a_line(begin: bytes, name: str) -> None:
    file = Endless(begin, 300_000_000)
    layout = tables.detect(file, name)  # type: ignore[arg-type]  # what is read of it is there
    tracemalloc.start()
    found = list(tables.rows(file, layout))  # type: ignore[arg-type]  # as above
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[-1].fault is not None
    assert found[-1].fault[0] in {"cell_too_long", "row_too_long"}
    assert peak < 60_000_000


def test_a_sheet_with_too_many_texts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        book.add_worksheet().write_column(0, 0, ["a", *(f"text {n}" for n in range(50))])
    assert len(read(out.getvalue(), "x.xlsx")[1]) == 50
    monkeypatch.setattr(workbooks, "MOST_STRINGS", 1_000)
    with pytest.raises(Unreadable) as refusal:
        read(out.getvalue(), "x.xlsx")
    assert refusal.value.code == "strings_too_large"


def test_the_delimiter_of_long_cells_is_told_in_no_time() -> None:
    data = ("mail;name\n" + "a@" + "b." * 2_000 + ";A\n" * 4).encode()
    began = thread_time()
    layout = tables.detect(io.BytesIO(data), "x.csv")
    assert layout.delimiter == ";"
    assert thread_time() - began < 1, "the time grows with the square of the cell"


def test_memory_does_not_grow_with_empty_cells() -> None:
    data = b"a,b\n" + (b"," * 500_000 + b"\n") * 40
    tracemalloc.start()
    layout, found = read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (layout.columns, len(found), {len(row.cells) for row in found}) == (("a", "b"), 0, set())
    assert peak < 60_000_000


def test_empty_cells_take_room_too() -> None:
    listed = [Row(n, (None,) * 1_000) for n in range(100)]
    assert len(list(tables.some(iter(listed), 100, 80_000))) == 11


@pytest.mark.parametrize(
    "number",
    ["123456789012345678901", "12345678901234.5678", "0.1", "7", "-0.000000000000000001", "1e400", "2.5E3"],
)
def test_a_number_of_an_object_is_read_to_its_last_digit(number: str) -> None:
    found = read(f'{{"id": {number}, "list": [{number}]}}\n'.encode(), "x.ndjson")[1][0].cells[0]
    assert found is not None
    assert Decimal(found) == Decimal(number)


@pytest.mark.parametrize(
    "line", ['{"a": 1e60000000, "b": 1}', '{"a": [1e60000000]}', '{"a": NaN, "b": 1234567890123456}']
)
def test_a_line_with_what_is_no_number_is_none(line: str) -> None:
    rows = read(b'{"a": 1, "b": 2}\n' + line.encode() + b"\n", "x.ndjson")[1]
    assert [row.fault and row.fault[0] for row in rows] == [None, "line_not_json"]
