"""Lists that are added to rather than replaced."""

from collections.abc import Mapping, Sequence
from typing import Any


def united(stored: Sequence[Any], given: Sequence[Any], same: str) -> list[Any]:
    """What is given first, then what was there and is not given: nothing is taken from the list.

    Items are the same when they agree in the key `same`, or, for plain values, when they are equal.
    """

    def key(item: Any) -> Any:
        return item.get(same) if isinstance(item, Mapping) else item

    said = {key(item) for item in given}
    return [*given, *(item for item in stored if key(item) not in said)]
