"""Cells that a spreadsheet would take for a formula: escaped on the way out, and restored on the way in.

A cell is taken for one when it begins with = + - @, their full-width forms, a tab or a line break (OWASP, CSV
Injection). It gets an apostrophe, and so does one that would look escaped by itself; then the escape can be undone. A
sign before nothing but digits is a number or a phone such as +8613800138000, runs nothing, and stays as it is.
"""

import re

_TAKEN = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
_ESCAPED = re.compile(r"'+[=+\-@＝＋－＠\t\r\n]")
_NUMBER = re.compile(r"[+-][0-9]+(?:\.[0-9]+)?")


def escaped(cell: str) -> str:
    """The cell as a spreadsheet shows it and does not run it."""
    return f"'{cell}" if _TAKEN.match(cell) and not _NUMBER.fullmatch(cell) else cell


def unescaped(cell: str) -> str:
    """The cell as it was before it was escaped."""
    return cell[1:] if cell.startswith("'") and _ESCAPED.match(cell) else cell
