"""The rules of tags."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.errors import RuleBroken


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
