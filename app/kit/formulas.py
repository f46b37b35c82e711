"""Cells that a spreadsheet would take for a formula: escaped on the way out, and restored on the way in.

A cell is taken for one when it begins with = + - @, their full-width forms, a tab or a line break (OWASP, CSV
Injection). It gets an apostrophe, and so does one that would look escaped by itself; then the escape can be undone. A
sign before nothing but digits is a number or a phone such as +8613800138000, runs nothing, and stays as it is.

So is what follows a semicolon, a tab or a line break inside a cell: a spreadsheet whose lists are separated by
semicolons begins a cell there, quotes or not.
"""

import re

_TAKEN = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
_ESCAPED = re.compile(r"'+[=+\-@＝＋－＠\t\r\n]")
_NUMBER = re.compile(r"[+-][0-9]+(?:\.[0-9]+)?")
_SEPARATOR = r"[;\t\r\n] *"
_TAKEN_INSIDE = re.compile(rf"({_SEPARATOR})(?='*[=+\-@＝＋－＠])(?!{_NUMBER.pattern}(?:[;\t\r\n]|\Z))")
_ESCAPED_INSIDE = re.compile(rf"({_SEPARATOR})'(?='*[=+\-@＝＋－＠])")


def escaped(cell: str) -> str:
    """The cell as a spreadsheet shows it and does not run it."""
    inside = _TAKEN_INSIDE.sub(r"\1'", cell)
    return f"'{inside}" if _TAKEN.match(cell) and not _NUMBER.fullmatch(cell) else inside


def unescaped(cell: str) -> str:
    """The cell as it was before it was escaped."""
    if "'" not in cell:
        return cell
    return _ESCAPED_INSIDE.sub(r"\1", cell[1:] if _ESCAPED.match(cell) else cell)
