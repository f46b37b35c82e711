"""The rules of tags."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.errors import RuleBroken

RENAME = "tags.rename"
"""The kind of the runs that bring a new name to every record."""


def replaced(names: Sequence[str], old: str, new: str) -> list[str]:
    """The names with the old one replaced where it stood, and none of them twice."""
    return list(dict.fromkeys(new if name == old else name for name in names))


def check_settled(renames: Sequence[Mapping[str, Any]], *names: str) -> None:
    """While records are on their way from one name to another, neither may begin to mean something else.

    The renames are runs under way. Raises RuleBroken.
    """
    for run in renames:
        old, new = run["params"]["old"], run["params"]["new"]
        if not {old, new}.isdisjoint(names):
            raise RuleBroken(
                "rename_under_way",
                f"Records are being renamed from {old!r} to {new!r}; wait for that run to end, or cancel it.",
                run=run["id"],
            )


def check_meant(rename: Mapping[str, Any], former: Mapping[str, Any] | None, tag: Mapping[str, Any]) -> None:
    """A rename that ended early goes on only while both its names mean what they meant when it was asked for.

    `former` is the tag that bears the old name now, `tag` the one that was given the new name. Raises RuleBroken.
    """
    old, new = rename["params"]["old"], rename["params"]["new"]
    # Where two tags were joined, the one of the old name was archived in the moment in which the rename was asked for.
    taken = former is not None and former["archived_at"] != rename["created_at"]
    if taken or tag["name"] != new or tag["archived_at"] is not None:
        raise RuleBroken(
            "rename_outdated",
            f"The tag {old if taken else new!r} means something else since the rename from {old!r} to {new!r} ended;"
            " rename anew instead.",
        )
