"""In which order the items of a batch go: those of one record one after the other, the rest together."""

from collections import Counter
from collections.abc import Sequence

Name = tuple[str, ...]
"""What a record may be known by: the kind of name, then its value or, where several make one name, its values."""


def waves(names: Sequence[Sequence[Name]]) -> list[list[int]]:
    """The items' places, wave by wave; names holds, for each item, the names of its record that are known.

    One record is what shares a name with another item, by however many others.
    """
    above: dict[Name, Name] = {}

    def top(name: Name) -> Name:
        while (higher := above.setdefault(name, name)) != name:
            above[name] = name = above[higher]
        return name

    for own in names:
        for name in own[1:]:
            above[top(name)] = top(own[0])
    found: list[list[int]] = []
    passed: Counter[Name] = Counter()
    for place, own in enumerate(names):
        wave = 0
        if own:
            wave = passed[top(own[0])]
            passed[top(own[0])] += 1
        if wave == len(found):
            found.append([])
        found[wave].append(place)
    return found
