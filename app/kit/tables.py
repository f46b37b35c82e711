"""Files of rows: what a file is (format, encoding, delimiter, header), and its rows as text, one at a time.

CSV, TSV and their like, XLSX, and one JSON object a line; text may be gzipped. Memory does not grow with the rows.
"""

import csv
import itertools
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from typing import IO, Any, Literal, NamedTuple

import clevercsv
import orjson

from app.kit import encodings, json, lines, workbooks
from app.kit.formulas import unescaped
from app.kit.lines import Endless, Lines, Place, Unreadable
from app.kit.written import Number

SAMPLE = 256 * 1024
"""Bytes that the encoding and the delimiter are told from."""
_DIALECT_TEXT = 40_000
"""Characters that the delimiter is told from."""
_STRETCH = re.compile(r"""([^,;\t|"'\\\n]{80})[^,;\t|"'\\\n]+""")
"""More of a cell than its delimiter is told by; what looks for addresses in it would take minutes."""
_LONG_NUMBER = re.compile(rb"[0-9.]{16}|[eE][+-]?[0-9]{3}")
"""What may be beyond the 15 digits that a float keeps (IEEE 754)."""
_OF_CELL = 8
"""Bytes that a cell takes, also an empty one."""
SAMPLE_ROWS = 100
"""Rows of JSON that the columns are told from."""
LONGEST_CELL = 100_000
"""Characters of one cell; a row with a longer one is told of and not read."""
KEPT_OF_LONGER = 1_000
"""Characters that are kept of such a cell."""
LONGEST_NAME = 300
"""Characters of a column's name."""
MOST_COLUMNS = 1_000
_DELIMITERS = (",", ";", "\t", "|")

Format = Literal["csv", "xlsx", "ndjson"]
Cells = tuple[str | None, ...]

# The module's own limit is 131,072 characters; beyond it, everything that follows the cell would be misread.
csv.field_size_limit(2 * lines.LONGEST)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read."""

    format: Format
    gzipped: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    """What stands before a quote in a cell, where quotes are not doubled."""
    sheet: str | None = None
    header: bool = True
    """Whether the first row that is not empty names the columns."""
    columns: tuple[str, ...] = ()


class Row(NamedTuple):
    """One row: where it begins (1 is the first line, or the first row of a sheet), its cells, and what is wrong."""

    line: int
    cells: Cells
    fault: tuple[str, str] | None = None
    """A stable code and a sentence."""
    after: Place | None = None
    """Where the rows after it begin; None in a sheet, which is read from its beginning only."""


def detect(file: IO[bytes], name: str = "", **stated: Any) -> Layout:
    """The file's layout; what is stated (fields of Layout) is taken as it is. Raises Unreadable."""
    given = {key: value for key, value in stated.items() if value is not None}
    file.seek(0)
    head = file.read(SAMPLE)
    gzipped = head.startswith(b"\x1f\x8b")
    if gzipped:
        head = _unzipped(file)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise Unreadable("file_empty", "The file is empty.")
    layout = Layout(given.get("format") or _format(head, name.lower().removesuffix(".gz")), gzipped)
    if layout.format == "csv":
        encoding = given.get("encoding") or encodings.detect(head, whole=len(head) < SAMPLE)
        if not encodings.known(encoding):
            raise Unreadable(
                "encoding_unknown", f"There is no encoding called {encoding!r}; say utf-8 or gb18030."
            )
        delimiter, quote, escape = _dialect(encodings.decoded(head, encoding))
        layout = replace(layout, encoding=encoding, delimiter=delimiter, quote=quote, escape=escape)
    layout = replace(layout, **given)
    return layout if layout.columns else replace(layout, columns=_columns(file, layout))


def rows(file: IO[bytes], layout: Layout, at: Place | None = None) -> Generator[Row, None, None]:
    """The rows below the header, or from a place on, empty ones left out; one that cannot be read has its fault.

    Raises Unreadable. Whoever stops before the end closes it before the file.
    """
    found = _rows(file, layout, at or Place())
    if layout.header and layout.format != "ndjson" and at is None:
        next(found, None)
    return (_fitted(row, len(layout.columns)) for row in found)


def first_byte(layout: Layout, at: Place | None) -> int:
    """The first byte of the file that its rows from a place on need."""
    if at is None or layout.format == "xlsx" or layout.gzipped or not lines.tells_lines(layout.encoding):
        return 0
    return at.byte


def some(rows: Iterator[Row], most: int, text: int) -> Iterator[Row]:
    """The next rows, up to so many, and none more once they have so many characters, or as many cells as take their room."""
    for row in itertools.islice(rows, most):
        yield row
        text -= len("".join(filter(None, row.cells))) + _OF_CELL * len(row.cells)
        if text < 0:
            return


def _format(head: bytes, name: str) -> Format:
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head.startswith((b"\xd0\xcf\x11\xe0", b"%PDF", b"\x89PNG", b"Rar!", b"7z\xbc\xaf", b"PAR1")):
        raise Unreadable(
            "format_unknown", "This is no table that can be read; save it as XLSX, or as CSV in UTF-8."
        )
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0].rstrip()
    if first.startswith(b"{") and (name.endswith((".ndjson", ".jsonl", ".json")) or first.endswith(b"}")):
        return "ndjson"
    return "csv"


def _unzipped(file: IO[bytes]) -> bytes:
    try:
        return next(lines.unpacked(file), b"")
    except Unreadable as fault:
        raise Unreadable("gzip_broken", f"The file begins as gzip. {fault.detail}") from None


def _dialect(text: str) -> tuple[str, str, str | None]:
    """The delimiter, the quote and what escapes it, by the sample's whole lines."""
    sample = "\n".join(line[:10_000] for line in encodings.mended(text).splitlines()[:SAMPLE_ROWS])
    shortened = _STRETCH.sub(r"\1", sample)[:_DIALECT_TEXT]
    found = clevercsv.Detector().detect(shortened, delimiters=list(_DELIMITERS))
    if found is None:
        return ",", '"', None
    # It takes other marks for escapes, too, that nobody writes.
    escape = found.escapechar if found.escapechar == "\\" else None
    return found.delimiter or ",", found.quotechar or '"', escape


def _columns(file: IO[bytes], layout: Layout) -> tuple[str, ...]:
    if layout.format == "ndjson":
        objects = _objects(Lines(file, "utf-8", gzipped=layout.gzipped))
        sample = itertools.islice(objects, SAMPLE_ROWS)
        names: tuple[str, ...] = tuple(dict.fromkeys(key for _, found in sample if found for key in found))
    else:
        first = next(_rows(file, layout, Place()), None)
        cells = first.cells if first else ()
        names = (
            tuple((cell or "").strip() for cell in cells)
            if layout.header
            else tuple(f"column {n}" for n in range(1, len(cells) + 1))
        )
        while names and not names[-1]:
            names = names[:-1]
    if not any(names):
        raise Unreadable("header_missing", "The file has no row that names its columns.")
    if not all(len(name) <= LONGEST_NAME and encodings.storable(name) for name in names):
        raise Unreadable(
            "header_undecodable",
            f"The names of the columns are no text of up to {LONGEST_NAME} characters each; state the file's encoding and"
            " delimiter, or save it as UTF-8.",
        )
    if len(names) > MOST_COLUMNS:
        raise Unreadable(
            "columns_too_many", f"The file has {len(names)} columns; up to {MOST_COLUMNS} can be read."
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise Unreadable(
            "header_twice",
            f"Columns must be told apart, and these names come twice: {', '.join(twice)}; rename one.",
        )
    return tuple(name or f"column {n}" for n, name in enumerate(names, start=1))


def _rows(file: IO[bytes], layout: Layout, at: Place) -> Iterator[Row]:
    """Every row that is not empty, the header among them, as it stands."""
    match layout.format:
        case "csv":
            return _separated(Lines(file, layout.encoding, gzipped=layout.gzipped, at=at), layout)
        case "xlsx":
            return _sheet(file, layout)
        case "ndjson":
            return _listed(Lines(file, "utf-8", gzipped=layout.gzipped, at=at), layout)


def _separated(found: Lines, layout: Layout) -> Iterator[Row]:
    decoded = lines.decoder(layout.encoding)
    texts = map(_escaping(layout, decoded), found)
    reader = csv.reader(
        texts, delimiter=layout.delimiter, quotechar=layout.quote, escapechar=layout.escape, strict=True
    )
    while True:
        line = found.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, Endless):
            yield _open_quote(line, found, layout, decoded)
            continue
        del cells[MOST_COLUMNS + 1 :]
        stripped = tuple(
            [(unescaped(text) if "'" in (text := cell.strip()) else text) or None for cell in cells]
        )
        if any(stripped):
            yield Row(line, stripped, _TOO_LONG if found.cut else None, found.place)


_TOO_LONG = (
    "row_too_long",
    f"This row has more than {lines.LONGEST:,} bytes, of which the first were read.",
)


def _escaping(layout: Layout, decoded: Callable[[bytes], str]) -> Callable[[bytes], str]:
    """Lines in which the escape means itself unless it stands before a quote, a delimiter or another one."""
    if layout.escape is None:
        return decoded
    mark = re.escape(layout.escape)
    pair = re.compile(f"{mark}(?:([{mark}{re.escape(layout.quote + layout.delimiter)}])|)")
    whole = layout.escape * 2
    return lambda line: pair.sub(lambda found: found[0] if found[1] else whole, decoded(line))


def _open_quote(line: int, found: Lines, layout: Layout, decoded: Callable[[bytes], str]) -> Row:
    """A row whose quotes do not come out even, its first line alone: what follows is read as rows of their own."""
    first = decoded(found.give_back()).rstrip("\r\n")
    fault = (
        "quote_open",
        f"A cell of this row begins with {layout.quote} and has no end; double the quotes that are inside cells.",
    )
    if found.cut:
        fault = _TOO_LONG
    cells = first.split(layout.delimiter, MOST_COLUMNS)
    return Row(line, tuple(cell.strip() or None for cell in cells), fault, found.place)


def _objects(found: Lines) -> Iterator[tuple[int, dict[str, Any] | None]]:
    for raw in found:
        line = found.place.line - 1
        text = raw.removeprefix(b"\xef\xbb\xbf").strip()
        if text:
            yield line, _object(text)
        found.begin()


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.to_the_digit(text) if _LONG_NUMBER.search(text) else orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _listed(lines_: Lines, layout: Layout) -> Iterator[Row]:
    known = frozenset(layout.columns)
    for line, found in _objects(lines_):
        if found is None:
            fault = _TOO_LONG if lines_.cut else ("line_not_json", "This line is not one JSON object.")
            yield Row(line, (None,) * len(layout.columns), fault, lines_.place)
            continue
        cells = tuple(_text(found.get(name)) for name in layout.columns)
        extra = found.keys() - known
        beyond = (
            ("column_unknown", f"This object has {min(extra)!r}, which the first objects do not have.")
            if extra and known
            else None
        )
        yield Row(line, cells, beyond, lines_.place)


def _sheet(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    for line, values in enumerate(workbooks.rows(file, layout.sheet, MOST_COLUMNS + 1), start=1):
        cells = tuple(_unescaped(_text(value)) for value in values)
        if any(cell is not None for cell in cells):
            yield Row(line, cells)


def _unescaped(text: str | None) -> str | None:
    return text if text is None or isinstance(text, Number) else unescaped(text)


def _text(value: Any) -> str | None:
    """A value as a person would write it into a cell."""
    match value:
        case None | "":
            return None
        case str():
            return value.strip() or None
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case float() | Decimal():
            return Number(value)
        case datetime():
            return value.isoformat(sep=" ") if value.time() != clock_time() else value.date().isoformat()
        case date() | clock_time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case dict() | list():
            return json.exact_text(value)
        case _:
            return str(value)


def _fitted(row: Row, width: int) -> Row:
    """The row with as many cells as there are columns, or with its fault."""
    cells = row.cells
    if row.fault is None and len(cells) == width:
        together = "".join(filter(None, cells))
        if len(together) <= LONGEST_CELL and encodings.storable(together):
            return row
    if len(cells) > width and not any(cell is not None for cell in cells[width:]):
        cells = cells[:width]
    found = _fault(cells, width, row.fault)
    if found is not None:
        return row._replace(cells=tuple(map(_storable, cells)), fault=found)
    return row if cells is row.cells else row._replace(cells=cells)


def _fault(cells: Cells, width: int, known: tuple[str, str] | None) -> tuple[str, str] | None:
    """What is wrong with the row; of a cell that is too long also where it was found wrong before."""
    for n, cell in enumerate(cells, start=1):
        if cell is not None and len(cell) > LONGEST_CELL:
            return "cell_too_long", (
                f"Cell {n} has {'more than ' if known else ''}{len(cell):,} characters; up to {LONGEST_CELL:,} can be"
                f" read. Only its first {KEPT_OF_LONGER:,} are kept here."
            )
    if known is not None:
        return known
    if len(cells) != width:
        amount = "more" if len(cells) > width else "fewer"
        return "row_ragged", (
            f"This row has {len(cells) if len(cells) <= MOST_COLUMNS else f'more than {MOST_COLUMNS:,}'} cells, {amount} than"
            f" the {width} columns; a cell that contains the delimiter or"
            " a line break must be quoted."
        )
    for n, cell in enumerate(cells, start=1):
        if cell is not None and not encodings.storable(cell):
            return "cell_undecodable", (
                f"Cell {n} has characters that are none in the file's encoding; state the encoding, or save the file"
                " as UTF-8."
            )
    return None


def _storable(cell: str | None) -> str | None:
    if cell is None or len(cell) <= LONGEST_CELL:
        return cell and encodings.mended(cell)
    return encodings.mended(cell[:KEPT_OF_LONGER])
