"""Imports: what a file becomes, row by row, and the account of it that must come out even."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum

from app.domain.errors import InvalidInput, RuleBroken
from app.domain.slots import slot
from app.domain.transitions import Transitions


class Target(StrEnum):
    """What the rows are; a line is one line of an order, whose customer, product and order are made on the way."""

    CONTACT = "contact"
    COMPANY = "company"
    PRODUCT = "product"
    ORDER = "order"
    DEAL = "deal"
    INTERACTION = "interaction"
    COST = "cost"
    LINE = "line"


class Mode(StrEnum):
    """What may happen to a row whose record is known, or not."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


class Stage(StrEnum):
    """How far an import is; whether work on it is under way, its run tells."""

    READY = "ready"
    STARTED = "started"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


class Outcome(StrEnum):
    """What came of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


class Undone(StrEnum):
    """What became of a record that an import had touched, when the import was undone."""

    RESTORED = "restored"
    ARCHIVED = "archived"
    KEPT = "kept"


KEPT_FOR = timedelta(days=30)
"""How long a file that was sent waits to be imported, and how long the rows that were left out can be fetched."""
STAGES = Transitions(
    {
        Stage.READY: {Stage.STARTED},
        Stage.STARTED: {Stage.DONE, Stage.UNDOING},
        Stage.DONE: {Stage.UNDOING},
        Stage.UNDOING: {Stage.UNDONE, Stage.UNDOING},
        Stage.UNDONE: {Stage.UNDOING},
    }
)


def plan_undo(stage: str, undone: Mapping[str, int] | None) -> None:
    """Raise RuleBroken where there is nothing to undo; what was kept may have another turn, by whoever may do more."""
    if undone is not None and not undone[Undone.KEPT]:
        raise RuleBroken("status_not_allowed", "This import is undone, and nothing that it did was kept.")
    STAGES.allow("import", Stage(stage), Stage.UNDOING)


REQUIRED: Mapping[Target, tuple[tuple[str, ...], ...]] = {
    Target.CONTACT: (("name", "given_name", "family_name"),),
    Target.COMPANY: (("name",),),
    Target.PRODUCT: (("sku",), ("name",), ("price",)),
    Target.ORDER: (("number",), ("placed_at",)),
    Target.DEAL: (("name", "company", "product", "sku"),),
    Target.INTERACTION: (("kind",), ("at",)),
    Target.COST: (("day",), ("amount",)),
    Target.LINE: (("number",), ("at",), ("quantity",), ("unit_price",), ("sku", "description")),
}
"""Of each group, a new record needs one path."""

MATCHES: Mapping[Target, tuple[str, ...]] = {
    Target.CONTACT: ("email", "phone"),
    Target.COMPANY: ("domain", "name"),
    Target.PRODUCT: ("sku",),
    Target.ORDER: ("number",),
    Target.DEAL: (),
    Target.INTERACTION: (),
    Target.COST: (),
    Target.LINE: ("number",),
}
"""What records are known by, beside the ids that other systems gave them; the first that is mapped, when none is said."""


def way(path: str) -> str:
    """What a column that goes there could be matched by: every address and every number counts."""
    return slot(path)[0] if path.startswith(("email", "phone")) else path


def possible_matches(target: Target, paths: Iterable[str]) -> list[str]:
    """What rows can be matched by, the surest first."""
    held = dict.fromkeys(way(path) for path in paths)
    outside = [name for name in held if name.startswith("external:")]
    return outside + [name for name in MATCHES[target] if name in held]


def matches(target: Target, paths: Iterable[str], stated: Sequence[str]) -> list[str]:
    """What rows and records are matched by. Raises InvalidInput for what no column holds."""
    possible = possible_matches(target, paths)
    for name in stated:
        if name not in possible:
            raise InvalidInput(
                "match_unknown",
                f"Rows cannot be matched by {name!r}; the columns of this file allow {', '.join(possible) or 'nothing'}.",
                field="match",
            )
    return list(stated) or possible[:1]


def plan_start(target: str, mode: str, mapping: Mapping[str, str], match: Sequence[str]) -> list[str]:
    """What rows are matched by, if all is there that the work needs. Raises RuleBroken where something is missing."""
    target, mode, paths = Target(target), Mode(mode), set(mapping.values())
    by = matches(target, paths, match)
    if mode is not Mode.UPDATE:
        held = {path.partition(":")[0] for path in paths} | paths
        for group in REQUIRED[target]:
            if held.isdisjoint(group):
                raise RuleBroken(
                    "mapping_incomplete",
                    f"A new {target} needs {' or '.join(group)}, and no column of this file is mapped to it.",
                )
    if mode is not Mode.CREATE and not by and target is not Target.INTERACTION:
        raise RuleBroken(
            "match_missing",
            f"To {mode} records there must be a column that they are known by; map one, or create only.",
        )
    return by


@dataclass(frozen=True, slots=True)
class Account:
    """What was read, and what became of it."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0

    def told(self) -> dict[str, int]:
        """As it is stored and shown."""
        return asdict(self)

    def sentence(self) -> str:
        """As people read it."""
        parts = [f"{count:,} {name}" for name, count in self.told().items() if name != "read"]
        return f"{self.read:,} rows read = {' + '.join(parts)}"

    def even(self) -> bool:
        """Whether every row read is accounted for."""
        return self.read == self.created + self.updated + self.unchanged + self.skipped + self.failed


def full_name(given: str | None, family: str | None) -> str | None:
    """One name from its parts, in the order of their script."""
    parts = [part for part in (family, given) if part]
    if not parts:
        return None
    if any("\u4e00" <= char <= "\u9fff" for part in parts for char in part):
        return "".join(parts)
    return " ".join(reversed(parts))
