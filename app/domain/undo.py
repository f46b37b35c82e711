"""Taking back what somebody did to a record, where others have changed it since: three ways, field by field."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from app.domain.custom import same

KEYED = ("custom", "external_ids")
"""Fields whose keys go back one by one, named custom.key; a key that is not there is null."""


@dataclass(frozen=True, slots=True)
class Told:
    """One change of a record, as the log tells of it: what is to be taken back, or somebody else's."""

    own: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Undo:
    """What goes back, and what stays."""

    back: Mapping[str, Any]
    """Field to what it was before."""
    left: Set[str]
    """Fields that are not, or not all the way, what they were before: others have changed them since."""
    theirs: Set[str]
    """Every field that is not what it would be without the others."""


def plan(newest_first: Sequence[Told], now: Mapping[str, Any]) -> Undo:
    """Walk back through the changes; a field stops where others have left it different from what the own change made of it.

    A three-way merge (base: before the oldest own change; theirs: now; yours: after the own change). What others changed
    and put back, as by undoing in their turn, counts as not changed; where they have arrived at base by themselves, there
    is nothing left to report. Values are those of JSON.
    """
    here = _flat(now)
    reached, base, stuck = dict(here), dict[str, Any](), set[str]()
    found: dict[str, Any] = {}
    """What a field was before the others came, since the own change that is next."""
    for change in newest_first:
        for name, old in _touched(change):
            if not change.own:
                if name not in stuck:
                    found[name] = old
                continue
            base[name] = old
            if name in found and not same(found[name], reached.get(name)):
                stuck.add(name)
            elif name not in stuck:
                found.pop(name, None)
                reached[name] = old
    return Undo(
        {name: old for name, old in reached.items() if not same(here.get(name), old)},
        {name for name in stuck if not same(reached.get(name), base[name])},
        {name for name, old in found.items() if not same(old, reached.get(name))},
    )


def grouped(back: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to write: those with keys as a whole, with the keys that stay as they are now."""
    fields: dict[str, Any] = {}
    for name, value in back.items():
        head, dot, key = name.partition(".")
        if not dot:
            fields[name] = value
            continue
        whole = fields.setdefault(head, dict(now[head] or {}))
        whole.pop(key, None)
        if value is not None:
            whole[key] = value
    return fields


def _touched(change: Told) -> Iterator[tuple[str, Any]]:
    """Each field that the change gave another value, with the one before."""
    before, after = _flat(change.before), _flat(change.after)
    for name in before.keys() | after.keys():
        if not same(before.get(name), after.get(name)):
            yield name, before.get(name)


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in values.items() if name not in KEYED}
    for head in KEYED:
        found |= {f"{head}.{key}": value for key, value in (values.get(head) or {}).items()}
    return found
