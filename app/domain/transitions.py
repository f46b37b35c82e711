"""States as a table."""

from collections.abc import Mapping, Set
from typing import Generic, TypeVar

from app.domain.errors import RuleBroken

S = TypeVar("S", bound=str)


class Transitions(Generic[S]):
    """Which status may follow which; an absent pair is refused."""

    def __init__(self, table: Mapping[S, Set[S]]) -> None:
        self._table = {state: frozenset(targets) for state, targets in table.items()}

    def targets(self, state: S) -> frozenset[S]:
        """The statuses that may come next."""
        return self._table[state]

    def reachable(self, state: S) -> frozenset[S]:
        """The statuses that can come at all, by any number of moves."""
        seen: set[S] = set()
        ahead = set(self.targets(state))
        while ahead:
            seen |= ahead
            ahead = {after for one in ahead for after in self.targets(one)} - seen
        return frozenset(seen)

    def allow(self, noun: str, state: S, to: S) -> None:
        """Raise RuleBroken, naming what is allowed, unless the move is in the table."""
        if to not in self.targets(state):
            allowed = sorted(self.targets(state))
            hint = f"it can become {', '.join(allowed)}" if allowed else "nothing can follow"
            raise RuleBroken(
                "status_not_allowed",
                f"This {noun} is {state} and cannot become {to}; {hint}.",
                allowed=allowed,
            )
