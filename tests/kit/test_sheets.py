"""Tables out: what is written is what the formats' own readers read."""

import csv
import io
from decimal import Decimal

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kit import sheets
from app.kit.formulas import unescaped
from app.kit.sheets import Column, Parquet, TooLong, Workbook

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
MONEY = st.decimals(-(10**12), 10**12, places=4)


@given(st.lists(st.tuples(TEXT | st.just("a\r\nb\"'"), st.none() | MONEY, st.booleans())))
def test_csv_reads_back(rows: list[tuple[str, Decimal | None, bool]]):
    content = sheets.csv_head(["a", "b", "c"]) + sheets.csv_lines(rows)
    head, *found = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert head == ["a", "b", "c"]
    assert [unescaped(row[0]) for row in found] == [row[0] for row in rows]
    assert [Decimal(row[1]) if row[1] else None for row in found] == [row[1] for row in rows]
    assert [row[2] for row in found] == ["true" if row[2] else "false" for row in rows]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(MONEY, st.integers(-(2**63), 2**63 - 1)), max_size=5))
def test_a_workbook_rounds_no_number(rows: list[tuple[Decimal, int]]):
    file = io.BytesIO()
    book = Workbook(file, "numbers", ["a", "b"])
    book.add(rows)
    book.close()
    _, *found = openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True)
    assert [tuple(Decimal(str(cell)) for cell in row) for row in found] == [
        tuple(Decimal(value) for value in row) for row in rows
    ]


def test_a_full_sheet_goes_on_in_another(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sheets, "MOST_LINES", 4)
    file = io.BytesIO()
    book = Workbook(file, "contacts", ["n"])
    book.add([n] for n in range(10))
    book.close()
    found = openpyxl.load_workbook(file)
    assert found.sheetnames == ["contacts", "contacts 2", "contacts 3", "contacts 4"]
    assert [row[0] for sheet in found for row in sheet.iter_rows(values_only=True) if row[0] != "n"] == [
        *range(10)
    ]


def test_a_cell_that_does_not_fit_is_named_and_not_cut():
    book = Workbook(io.BytesIO(), "x", ["note"])
    with pytest.raises(TooLong, match="note"):
        book.add([["𠮷" * 20_000]])
    book.close()


@given(st.lists(st.none() | MONEY, min_size=1))
def test_parquet_keeps_decimals(values: list[Decimal | None]):
    file = io.BytesIO()
    table = Parquet(file, [Column("m", "number", (20, 4)), Column("t", "labels")])
    table.add([None if value is None else format(value, "f"), ["a"]] for value in values)
    table.close()
    found = pq.read_table(file)
    assert found["m"].to_pylist() == values
    assert found["t"].to_pylist() == [["a"]] * len(values)


def test_every_cell_is_quoted():
    assert sheets.csv_lines([["Ann", "vip;=A1", 3, None]]) == b'"Ann","vip;\'=A1","3",""\r\n'
