"""What clients wrote down: every write that was sent, every attempt at it, and what was answered."""

from dataclasses import dataclass, field
from typing import Any

SYSTEM = "crash"
"""The system whose external ids the clients choose, so that they know a record whatever the answer was."""


@dataclass(slots=True)
class Write:
    """One change that a client wants."""

    method: str
    path: str
    body: Any
    events: int
    """How many events it is worth when it is kept."""
    key: str | None
    if_match: int | None = None
    names: tuple[str, ...] = ()
    """External ids of the records that it makes."""
    may_refuse: frozenset[int] = frozenset()
    gives_up: bool = False
    """Not tried again after an attempt without an answer."""
    attempts: list[str] = field(default_factory=list)
    """Request ids, which events name as their cause."""
    status: int | None = None
    """The final answer; None when there was none."""
    answer: bytes = b""

    @property
    def acknowledged(self) -> bool:
        """Whether the client was told that it is kept."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True)
class Known:
    """A record as its only writer knows it."""

    noun: str
    id: str
    name: str
    version: int
    mark: str | None
    """The last value written to the field that the client changes."""
    steps: list[str] = field(default_factory=list)
    """Verbs still to come, for an order."""
    sure: bool = True
    """False once a write to it went unanswered; then it is left alone."""


@dataclass(slots=True)
class Journal:
    """Everything that every client did."""

    writes: list[Write] = field(default_factory=list)
    records: list[Known] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Answers that should never have been given."""
    statuses: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """One more of these."""
        self.statuses[what] = self.statuses.get(what, 0) + 1

    def fault(self, sentence: str) -> None:
        """Something that must not be; the first hundred are enough."""
        if len(self.faults) < 100:
            self.faults.append(sentence)
