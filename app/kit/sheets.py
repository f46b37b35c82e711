"""Tables out: rows of typed cells into CSV, XLSX and Parquet, with memory that does not grow with the rows.

Cells are None, str, bool, int, Decimal or, as a last resort of Parquet, what its column takes. CSV is UTF-8 with a byte
order mark, by which spreadsheets know it for UTF-8, and lines as RFC 4180 has them.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from app.kit.formulas import escaped

Cell = str | bool | int | Decimal | None
Kind = Literal["text", "integer", "number", "boolean", "date", "time", "labels"]
MOST_LINES = 1_048_576
"""Rows of one sheet, its header included; what is beyond goes on in a further sheet."""
LONGEST_TEXT = 32_767
"""Characters of one cell of a workbook."""
_EXACT_DIGITS = 15
"""Significant digits that a spreadsheet keeps of a number."""


class TooLong(ValueError):
    """A cell that the format has no room for: a sentence."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a typed table; digits are those of a number, all of them and those after the point."""

    name: str
    kind: Kind = "text"
    digits: tuple[int, int] = (38, 10)


class Writer(Protocol):
    """Takes rows, and is closed once."""

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows."""
        ...

    def close(self) -> None:
        """Write what comes last."""
        ...


def csv_head(names: Sequence[str]) -> bytes:
    """The byte order mark and the line that names the columns."""
    return codecs.BOM_UTF8 + csv_lines([names])


def csv_lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows as lines."""
    text = io.StringIO()
    # Where a spreadsheet takes a semicolon for the delimiter, what follows one would begin a cell.
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows([[_written(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def _written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case str():
            return escaped(cell)
        case Decimal():
            return format(cell, "f")
        case _:
            return str(cell)


class Workbook:
    """XLSX. Text is written as text, also where it looks like a number; numbers that it would round are text, too."""

    def __init__(self, file: IO[bytes], title: str, names: Sequence[str]) -> None:
        # Row by row to disk; a sheet that is held in memory grows with its rows.
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(file, {**options, "strings_to_numbers": False})
        self._text = self._book.add_format({"num_format": "@"})
        self._bold = self._book.add_format({"bold": True, "num_format": "@"})
        self._title, self._names, self._sheets = title[:25], names, 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet(
            self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        )
        self._sheet.freeze_panes(1, 0)
        for place, name in enumerate(self._names):
            self._sheet.write_string(0, place, escaped(name), self._bold)
        self._line = 1

    def add(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Write rows, on a further sheet when one is full. Raises TooLong."""
        for row in rows:
            if self._line == MOST_LINES:
                self._begin()
            for place, cell in enumerate(row):
                self._put(place, cell)
            self._line += 1

    def _put(self, place: int, cell: Cell) -> None:
        match cell:
            case None:
                pass
            case bool():
                self._sheet.write_boolean(self._line, place, cell)
            case int() | Decimal() if len(Decimal(cell).normalize().as_tuple().digits) <= _EXACT_DIGITS:
                self._sheet.write_number(self._line, place, cell)
            case _:
                text = escaped(cell) if isinstance(cell, str) else format(Decimal(cell), "f")
                # Counted as spreadsheets count: in units of UTF-16.
                if len(text.encode("utf-16-le")) > 2 * LONGEST_TEXT:
                    raise TooLong(
                        f"The column {self._names[place]} has a value longer than the {LONGEST_TEXT:,} characters"
                        " that a cell of a workbook holds; export it as CSV, NDJSON or Parquet."
                    )
                self._sheet.write_string(self._line, place, text, self._text)

    def close(self) -> None:
        """Pack the workbook."""
        self._book.close()


_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us", tz="UTC"),
    "labels": pa.list_(pa.string()),
}


class Parquet:
    """Parquet, every chunk of rows a row group."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._columns = columns
        self._schema = pa.schema([(column.name, _type(column)) for column in columns])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows."""
        listed = list(rows)
        if not listed:
            return
        arrays = [
            pa.array([_typed(column, row[n]) for row in listed], self._schema.field(n).type)
            for n, column in enumerate(self._columns)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def _type(column: Column) -> Any:
    return pa.decimal128(*column.digits) if column.kind == "number" else _TYPES[column.kind]


def _typed(column: Column, value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    match column.kind:
        case "number":
            return Decimal(value)
        case "date":
            return date.fromisoformat(value)
        case "time":
            return datetime.fromisoformat(value)
        case _:
            return value
