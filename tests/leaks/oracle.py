"""Who may see what, said a second time in plain Python, from the rows of roles and the tree of this world alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.leaks.world import NOUNS, Stored, World

TEAMS = {"boss": {"boss", "child"}, "child": {"child"}, "stranger": {"stranger"}}
OWNED = {"contact", "company", "order", "deal", "task", "interaction"}
ALWAYS = {"id", "version", "created_at", "updated_at", "archived_at"}


@dataclass(frozen=True)
class Oracle:
    """What the holder of a role, in a seat, may see."""

    world: World
    role: Mapping[str, Any]
    seat: str

    def has(self, scope: str) -> bool:
        """Whether the role holds the scope."""
        return bool({"*", scope} & set(self.role["scopes"]))

    def reads(self, noun: str, name: str) -> bool:
        """Whether the role opens a field for reading; what was approved of a deal tells of its amount."""
        if (noun, name) == ("deal", "approvals") and not self.reads(noun, "amount"):
            return False
        read = self.role["read"]
        return (
            name in ALWAYS or name in read.get(noun, ()) or "*" in [*read.get(noun, ()), *read.get("*", ())]
        )

    def shows(self, noun: str, name: str) -> bool:
        """Whether a record may carry a field of this name; custom carries those of its keys that are open."""
        if name == "custom":
            return any(self.reads(noun, f"custom.{key}") for key in ("open", "secret"))
        return self.reads(noun, name)

    def owns(self, one: Stored) -> bool:
        """Whether the owner is somebody whose records the seat sees."""
        sight = self.role["sight"]
        widest = {sight.get(one.noun), sight.get("*")}
        if "all" in widest:
            return True
        return one.owner in (TEAMS[self.seat] if "team" in widest else {self.seat})

    def sees(self, one: Stored) -> bool:
        """Whether a record is in sight, by its owner or by the record that it hangs on."""
        if one.noun not in OWNED or self.owns(one):
            return True
        above = [self.world.records[other] for other in one.points.values()]
        return one.noun in {"order", "deal", "task", "interaction"} and any(
            self.sees(other) for other in above if other.noun in OWNED
        )

    def allowed(self, *, whole: bool = False) -> set[str]:
        """The planted values that may come out; with `whole`, only those that are a field's own and so must."""
        seen = {key for key, one in self.world.records.items() if self.sees(one)}
        scopes = {noun for noun, plural in NOUNS.items() if self.has(f"{plural}:read")}
        return {
            value
            for value, holders in self.world.canaries.holders.items()
            if any(
                h.record in seen and h.noun in scopes and all(self.reads(h.noun, name) for name in h.fields)
                for h in holders
                if not whole or len(h.fields) == 1
            )
        }
