"""Workbooks in: the rows of a sheet of an XLSX file as values, one at a time; for those out see sheets.py."""

import re
import zipfile
from collections.abc import Iterator
from typing import IO, Any

import openpyxl

from app.kit.lines import BLOCK, MOST_RATIO, MOST_UNPACKED, Unreadable

MOST_STRINGS = 128 * 1024**2
"""Bytes of the part that holds each different text once; its reader keeps all of it in memory."""

_ENTRY = re.compile(r"<(?:\w+:)?Override\b[^>]*>")
_NAME = re.compile(r"""PartName\s*=\s*["']/?([^"']+)["']""")


def rows(file: IO[bytes], sheet: str | None, most: int) -> Iterator[tuple[Any, ...]]:
    """The values of every row of the sheet, or of the first one, up to so many each. Raises Unreadable."""
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
        if sheet is not None and sheet not in book.sheetnames:
            raise Unreadable(
                "sheet_unknown", f"There is no sheet {sheet!r}; there are {', '.join(book.sheetnames)}."
            )
        page = book[sheet] if sheet is not None else book.worksheets[0]
        page.reset_dimensions()  # what a file says of its own size is often wrong
        for values in page.iter_rows(values_only=True):
            yield values[:most]
    except Unreadable:
        raise
    except Exception as fault:  # noqa: BLE001 - as above
        raise Unreadable(
            "xlsx_broken", f"The sheet cannot be read to its end: {type(fault).__name__}."
        ) from None
    finally:
        book.close()


def _check_package(file: IO[bytes]) -> None:
    """Raise Unreadable for a package that would unpack to far more than it is, a zip bomb, or than memory holds."""
    with zipfile.ZipFile(file) as package:
        parts = {part.filename: part for part in package.infolist()}
        if not any(name.startswith("xl/") for name in parts):
            raise Unreadable(
                "format_unknown", "This packed file is no XLSX; unpack it and send what is in it."
            )
        whole = sum(part.file_size for part in parts.values())
        packed = sum(part.compress_size for part in parts.values())
        if whole > MOST_UNPACKED or whole > max(packed, BLOCK) * MOST_RATIO:
            raise Unreadable(
                "unpacked_too_large", "The file unpacks to far more than its size; save it as CSV."
            )
        held = _strings_in(package.read("[Content_Types].xml").decode())
    strings = sum(parts[name].file_size for name in held & parts.keys())
    if strings > MOST_STRINGS:
        raise Unreadable(
            "strings_too_large",
            f"The texts of this workbook are {strings:,} bytes; up to {MOST_STRINGS:,} can be read. Save it as CSV.",
        )


def _strings_in(types: str) -> set[str]:
    """The names of the parts that hold texts, whatever the package calls them."""
    of_texts = (entry for entry in _ENTRY.findall(types) if "sharedStrings" in entry)
    return {found[1] for entry in of_texts if (found := _NAME.search(entry))}
