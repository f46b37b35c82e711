"""Values that occur nowhere else, so that finding one in an answer says which field of which record came out."""

import base64
import binascii
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHAPES = (
    re.compile(r"(?=(zq[a-z]{10}))"),
    re.compile(r"(?<!\d)(\d{3,6}\.\d{4})(?!\d)"),
    re.compile(r"(?=(138\d{8}))"),
    re.compile(r"(?=(\d{4}-\d\d-\d\d))"),
    re.compile(r"(?=(\d\d:\d\d\.\d{6}))"),
    re.compile(r"(?<!\d)(\d{7,8})(?!\d)"),
)
_CURSOR = re.compile(r'"next":"([A-Za-z0-9_-]+)"')


@dataclass(frozen=True)
class Holder:
    """A record and the fields of it that, read together, tell a value."""

    noun: str
    record: str
    fields: frozenset[str]


@dataclass
class Canaries:
    """Every planted value and who holds it; a value held twice may come out by either."""

    chance: random.Random = field(default_factory=lambda: random.Random(20261121))
    holders: dict[str, set[Holder]] = field(default_factory=lambda: defaultdict(set))

    def plant(self, value: str, noun: str, record: str, *fields: str) -> str:
        """Remember that these fields of a record, together, tell the value."""
        self.holders[value].add(Holder(noun, record, frozenset(fields)))
        return value

    def word(self) -> str:
        """A word."""
        return "zq" + "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz", k=10))

    def digits(self, count: int) -> str:
        """Digits that neither begin nor end with zero."""
        return "".join(str(self.chance.randint(1, 9)) for _ in range(count))

    def amount(self) -> str:
        """An amount of money with four decimals."""
        return f"{self.digits(3)}.{self.digits(4)}"

    def day(self, century: int) -> str:
        """A day."""
        return f"{century}{self.chance.randint(10, 99)}-{self.chance.randint(10, 12)}-{self.chance.randint(10, 28)}"

    def time(self, year: int) -> str:
        """A moment to the microsecond, in UTC."""
        month, day = self.chance.randint(1, 9), self.chance.randint(10, 28)
        clock = f"{self.chance.randint(10, 20)}:{self.chance.randint(10, 59)}:{self.chance.randint(10, 59)}"
        return f"{year}-0{month}-{day}T{clock}.{self.digits(6)}Z"

    def found(self, text: str) -> set[str]:
        """The planted values in a text, those inside its cursor included."""
        text = text.lower() + "".join(_opened(sealed) for sealed in _CURSOR.findall(text))
        ids = set(ID.findall(text))
        rest = ID.sub("", text)
        seen = ids.union(*(shape.findall(rest) for shape in _SHAPES))
        return seen & self.holders.keys()


def _opened(sealed: str) -> str:
    try:
        return base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))[6:].decode("utf-8", "replace")
    except binascii.Error:
        return ""


def parts_of(time: str) -> Iterable[str]:
    """What of a moment is recognised: its day, and its clock from the minute on, which no zone changes."""
    return time[:10], time[14:26]
