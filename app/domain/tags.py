"""The rules of tags."""

from collections.abc import Sequence


def replaced(names: Sequence[str], old: str, new: str) -> list[str]:
    """The names with the old one replaced where it stood, and none of them twice."""
    return list(dict.fromkeys(new if name == old else name for name in names))
