"""Lists that are added to rather than replaced."""

from collections.abc import Mapping, Sequence
from typing import Any


def united(stored: Sequence[Any], given: Sequence[Any], same: str) -> list[Any]:
    """What is given first, over what was there of the same; then the rest of what was there: nothing is taken away.

    Items are the same when they agree in the key `same`, plain values when they are equal. Where the key is null, an
    item is the same only as one that says already all that it says. Of an item only the parts that are said are taken.
    """
    left, found = list(stored), []
    for item in given:
        place = next((n for n, one in enumerate(left) if _same(one, item, same)), None)
        found.append(item if place is None else _over(left.pop(place), item))
    return [*found, *left]


def _same(stored: Any, given: Any, key: str) -> bool:
    if not isinstance(given, Mapping):
        return bool(stored == given)
    if given.get(key) is not None:
        return bool(stored.get(key) == given[key])
    return stored.get(key) is None and _said(given).items() <= _said(stored).items()


def _over(stored: Any, given: Any) -> Any:
    return {**stored, **_said(given)} if isinstance(given, Mapping) else given


def _said(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if value is not None}
