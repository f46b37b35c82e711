"""Files of rows: what a file is (format, encoding, delimiter, header), and its rows as text, one at a time.

CSV, TSV and their like, XLSX, and one JSON object a line; text may be gzipped. Memory does not grow with the rows.
"""

import csv
import gzip
import io
import itertools
import zipfile
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import IO, Any, Literal

import clevercsv
import openpyxl
import orjson

from app.kit import encodings
from app.kit.formulas import unescaped

SAMPLE = 256 * 1024
"""Bytes that the encoding and the delimiter are told from."""
SAMPLE_ROWS = 100
"""Rows of JSON that the columns are told from."""
MOST_UNPACKED = 8 * 1024**3
"""Bytes that a packed file may unpack to."""
MOST_RATIO = 200
"""Times its size that a packed file may unpack to; real files stay below 50."""
LONGEST_CELL = 100_000
"""Characters of one cell; a row with a longer one is told of and not read."""
LONGEST_NAME = 300
"""Characters of a column's name."""
MOST_COLUMNS = 1_000
_DELIMITERS = (",", ";", "\t", "|")

Format = Literal["csv", "xlsx", "ndjson"]
Cells = tuple[str | None, ...]

# The module's own limit is 131,072 characters; beyond it, everything that follows the cell would be misread.
csv.field_size_limit(256 * 1024**2)


class Unreadable(ValueError):
    """The file as a whole cannot be read: a stable code and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read."""

    format: Format
    gzipped: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    sheet: str | None = None
    header: bool = True
    """Whether the first row that is not empty names the columns."""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it begins (1 is the first line, or the first row of a sheet), its cells, and what is wrong."""

    line: int
    cells: Cells
    fault: tuple[str, str] | None = None
    """A stable code and a sentence."""


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
        delimiter, quote = _dialect(encodings.decoded(head, encoding))
        layout = replace(layout, encoding=encoding, delimiter=delimiter, quote=quote)
    layout = replace(layout, **given)
    return layout if layout.columns else replace(layout, columns=_columns(file, layout))


def rows(file: IO[bytes], layout: Layout) -> Generator[Row, None, None]:
    """The rows below the header, empty ones left out; one that cannot be read has its fault. Raises Unreadable.

    Whoever stops before the end closes it before the file.
    """
    found = _rows(file, layout)
    if layout.header and layout.format != "ndjson":
        next(found, None)
    return (_fitted(row, len(layout.columns)) for row in found)


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
    file.seek(0)
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            return unpacked.read(SAMPLE)
    except (OSError, EOFError, zlib.error) as fault:
        raise Unreadable("gzip_broken", f"The file begins as gzip but cannot be unpacked: {fault}.") from None


def _dialect(text: str) -> tuple[str, str]:
    """The delimiter and the quote of the sample's whole lines."""
    lines = encodings.mended(text).splitlines()[:SAMPLE_ROWS]
    found = clevercsv.Detector().detect(
        "\n".join(line[:10_000] for line in lines), delimiters=list(_DELIMITERS)
    )
    if found is None:
        return ",", '"'
    return found.delimiter or ",", found.quotechar or '"'


def _columns(file: IO[bytes], layout: Layout) -> tuple[str, ...]:
    if layout.format == "ndjson":
        sample = itertools.islice(_objects(file, layout), SAMPLE_ROWS)
        names: tuple[str, ...] = tuple(dict.fromkeys(key for _, found in sample if found for key in found))
    else:
        first = next(_rows(file, layout), None)
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


def _rows(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    """Every row that is not empty, the header among them, as it stands."""
    match layout.format:
        case "csv":
            return _separated(file, layout)
        case "xlsx":
            return _sheet(file, layout)
        case "ndjson":
            return _listed(file, layout)


class _Bounded(io.RawIOBase):
    """A packed stream that may not unpack to more than it should."""

    def __init__(self, inner: IO[bytes], most: int) -> None:
        super().__init__()
        self._inner, self._left = inner, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._inner.read(len(buffer))
        except (OSError, EOFError, zlib.error) as fault:
            raise Unreadable("gzip_broken", f"The file cannot be unpacked to its end: {fault}.") from None
        self._left -= len(data)
        if self._left < 0:
            raise Unreadable(
                "unpacked_too_large", "The file unpacks to far more than its size; send it unpacked."
            )
        buffer[: len(data)] = data
        return len(data)


def _bytes(file: IO[bytes], layout: Layout) -> IO[bytes]:
    if not layout.gzipped:
        file.seek(0)
        return file
    most = min(MOST_UNPACKED, max(_size(file) * MOST_RATIO, SAMPLE))
    file.seek(0)
    return io.BufferedReader(_Bounded(gzip.GzipFile(fileobj=file), most), SAMPLE)  # type: ignore[arg-type]  # a raw stream by duck


def _size(file: IO[bytes]) -> int:
    return file.seek(0, io.SEEK_END)


def _separated(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    text = io.TextIOWrapper(_bytes(file, layout), layout.encoding, errors=encodings.MARKING, newline="")
    try:
        reader = csv.reader(text, delimiter=layout.delimiter, quotechar=layout.quote)
        line = 1
        for cells in reader:
            if any(cells):
                yield Row(line, tuple(unescaped(cell.strip()) or None for cell in cells))
            line = reader.line_num + 1
    except csv.Error as fault:
        raise Unreadable("csv_broken", f"The file cannot be read beyond line {line}: {fault}.") from None
    finally:
        text.detach()  # or the caller's file would be closed with it


def _objects(file: IO[bytes], layout: Layout) -> Iterator[tuple[int, dict[str, Any] | None]]:
    for line, raw in enumerate(_bytes(file, layout), start=1):
        raw = raw.removeprefix(b"\xef\xbb\xbf").strip()  # noqa: PLW2901 - the same line without its edges
        if not raw:
            continue
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError:
            found = None
        yield line, found if isinstance(found, dict) else None


def _listed(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    known = frozenset(layout.columns)
    for line, found in _objects(file, layout):
        if found is None:
            yield Row(
                line, (None,) * len(layout.columns), ("line_not_json", "This line is not one JSON object.")
            )
            continue
        cells = tuple(_text(found.get(name)) for name in layout.columns)
        extra = found.keys() - known
        if extra and known:
            fault = (
                "column_unknown",
                f"This object has {min(extra)!r}, which the first objects do not have.",
            )
            yield Row(line, cells, fault)
        else:
            yield Row(line, cells)


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
        case datetime():
            return value.isoformat(sep=" ") if value.time() != clock_time() else value.date().isoformat()
        case date() | clock_time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case dict() | list():
            return orjson.dumps(value).decode()
        case _:
            return str(value)


def _sheet(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    file.seek(0)
    try:
        _check_package(file)
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except Unreadable:
        raise
    except Exception as fault:  # noqa: BLE001 - a broken package breaks its reader in many ways, all of them this
        raise Unreadable(
            "xlsx_broken", f"The file begins as XLSX but cannot be read: {type(fault).__name__}."
        ) from None
    try:
        if layout.sheet is not None and layout.sheet not in book.sheetnames:
            raise Unreadable(
                "sheet_unknown",
                f"There is no sheet {layout.sheet!r}; there are {', '.join(book.sheetnames)}.",
            )
        sheet = book[layout.sheet] if layout.sheet is not None else book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size is often wrong
        for line, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            texts = (_text(value) for value in values[: MOST_COLUMNS + 1])
            cells = tuple(text and unescaped(text) for text in texts)
            if any(cell is not None for cell in cells):
                yield Row(line, cells)
    except Unreadable:
        raise
    except Exception as fault:  # noqa: BLE001 - as above
        raise Unreadable(
            "xlsx_broken", f"The sheet cannot be read to its end: {type(fault).__name__}."
        ) from None
    finally:
        book.close()


def _check_package(file: IO[bytes]) -> None:
    """Raise Unreadable for a package that would unpack to far more than it is: a zip bomb."""
    with zipfile.ZipFile(file) as package:
        sizes = [(part.filename, part.compress_size, part.file_size) for part in package.infolist()]
    if not any(name.startswith("xl/") for name, _, _ in sizes):
        raise Unreadable("format_unknown", "This packed file is no XLSX; unpack it and send what is in it.")
    whole = sum(size for _, _, size in sizes)
    packed = sum(size for _, size, _ in sizes)
    if whole > MOST_UNPACKED or whole > max(packed, SAMPLE) * MOST_RATIO:
        raise Unreadable("unpacked_too_large", "The file unpacks to far more than its size; save it as CSV.")


def _fitted(row: Row, width: int) -> Row:
    """The row with as many cells as there are columns, or with its fault."""
    cells = row.cells
    if not any(cell is not None for cell in cells[width:]):
        cells = cells[:width]
    found = row.fault or _fault(cells, width)
    if found is not None:
        return Row(row.line, tuple(_storable(cell) for cell in cells), found)
    return replace(row, cells=cells)


def _fault(cells: Cells, width: int) -> tuple[str, str] | None:
    if len(cells) != width:
        amount = "more" if len(cells) > width else "fewer"
        return "row_ragged", (
            f"This row has {len(cells)} cells, {amount} than the {width} columns; a cell that contains the delimiter or"
            " a line break must be quoted."
        )
    for n, cell in enumerate(cells, start=1):
        if cell is None or (cell.isascii() and len(cell) <= LONGEST_CELL and "\x00" not in cell):
            continue
        if len(cell) > LONGEST_CELL:
            return (
                "cell_too_long",
                f"Cell {n} has {len(cell):,} characters; up to {LONGEST_CELL:,} can be read.",
            )
        if not encodings.storable(cell):
            return "cell_undecodable", (
                f"Cell {n} has characters that are none in the file's encoding; state the encoding, or save the file"
                " as UTF-8."
            )
    return None


def _storable(cell: str | None) -> str | None:
    return None if cell is None else encodings.mended(cell[:1_000])
