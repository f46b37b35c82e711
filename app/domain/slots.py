"""Slots: a column for one of several, by its label and, from the second of a label on, its number.

``email:work#2`` is the second e-mail of the label work, and ``phone#3`` the third number of none.
"""

import re

_NUMBER = re.compile(r"#[1-9][0-9]{0,2}\Z")


def numberless(head: str) -> str:
    """The slot without its number."""
    return _NUMBER.sub("", head)


def slot(head: str) -> tuple[str, str | None]:
    """What a slot is one of, and its label."""
    kind, _, label = numberless(head).partition(":")
    return kind, label or None
