"""When people buy: the festivals, the sales and the weekdays of a Chinese tea and gift shop."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from app.sample.names import Weighted, listed

DAYS = 730
ZONE = ZoneInfo("Asia/Shanghai")
GROWTH = 1.18
"""Demand of a year by that of the year before."""

# Spring Festival and Mid-Autumn, month and day, from 2020 on; after 19 years the lunar dates come again (Meton's cycle).
_LUNAR = listed("""
0125 1001 0212 0921 0201 0910 0122 0929 0210 0917 0129 1006 0217 0925 0206 0915 0126 1003 0213 0922 0203
0912 0123 1001 0211 0919 0131 0908 0219 0927 0208 0916 0128 1004 0215 0924 0204 0913
""")


def _lunar(year: int, which: int) -> date:
    text = _LUNAR[2 * ((year - 2020) % 19) + which]
    return date(year, int(text[:2]), int(text[2:]))


def spring_festival(year: int) -> date:
    """The first day of the lunar year."""
    return _lunar(year, 0)


def mid_autumn(year: int) -> date:
    """The fifteenth day of the eighth lunar month."""
    return _lunar(year, 1)


def demand(day: date) -> float:
    """What a day sells by what an ordinary one sells, the growth of the shop left out."""
    factor = (0.95, 0.92, 0.95, 1.0, 1.1, 1.12, 0.96)[day.weekday()]
    before = (mid_autumn(day.year) - day).days
    if 0 <= before <= 30:
        factor *= 1 + 2.4 * (1 - abs(before - 8) / 23)
    before = (spring_festival(day.year) - day).days
    if 3 < before <= 36:
        factor *= 1 + 2.2 * (1 - abs(before - 14) / 25)
    elif -8 <= before <= 3:
        factor *= 0.3
    if (day.month, day.day) in {(11, 10), (11, 11)}:
        factor *= 7
    elif (
        (day.month == 11 and day.day < 14)
        or (day.month == 6 and 14 <= day.day <= 18)
        or (day.month == 12 and day.day in {11, 12})
    ):
        factor *= 2
    return factor


@dataclass(frozen=True)
class Pace:
    """The days of the sample; demand makes them pass faster.

    A place is a share of all that is sold, from 0 at the first day to 1 at the end.
    """

    start: date
    places: tuple[float, ...]

    def place(self, day: float) -> float:
        """The place of a day, counted from the start."""
        whole = min(max(int(day), 0), DAYS - 1)
        before = self.places[whole - 1] if whole else 0.0
        return before + (self.places[whole] - before) * min(max(day - whole, 0.0), 1.0)

    def day(self, place: float) -> int:
        """The day of a place."""
        return min(bisect_left(self.places, place), DAYS - 1)


@cache
def pace(start: date) -> Pace:
    """The pace of the days from the start on."""
    sold = (demand(start + timedelta(days=day)) * GROWTH ** (day / 365) for day in range(DAYS))
    upto = list(accumulate(sold))
    return Pace(start, tuple(sum_ / upto[-1] for sum_ in upto))


_HOURS = Weighted.of(
    *enumerate(
        (1.0, 0.4, 0.2, 0.1, 0.1, 0.2, 0.6, 1.2, 2.5, 4, 5, 5, 4, 4, 4.5, 5, 4.5, 4, 4, 5, 6.5, 7, 5, 2.5)
    )
)
_OFFICE = Weighted.of((9, 3.0), (10, 5.0), (11, 4.0), (13, 1.0), (14, 4.0), (15, 5.0), (16, 4.0), (17, 2.0))


def moment(chance: Random, start: date, day: int, *, office: bool = False) -> datetime:
    """A time on a day, when people shop or when offices work."""
    hour = (_OFFICE if office else _HOURS).pick(chance)
    at = time(hour, chance.randrange(60), chance.randrange(60), tzinfo=ZONE)
    return datetime.combine(start + timedelta(days=day), at)


@dataclass(frozen=True)
class Campaign:
    """One push with a name, from a day on, for so many days."""

    name: str
    subject: str
    first: date
    days: int
    products: tuple[str, ...]
    """Categories that it is about."""


def campaigns(start: date) -> Iterator[Campaign]:
    """What the shop sent out, the oldest first."""
    end = start + timedelta(days=DAYS)
    found = []
    for year in range(start.year, end.year + 1):
        found += [
            Campaign(
                f"{year}-年货节",
                "新春年货节：礼盒满500减60",
                spring_festival(year) - timedelta(days=32),
                24,
                ("新春礼盒", "普洱茶"),
            ),
            Campaign(f"{year}-明前新茶", "明前龙井到店，老客先尝", date(year, 3, 25), 16, ("绿茶", "白茶")),
            Campaign(f"{year}-618", "618 年中大促：茶具第二件半价", date(year, 6, 10), 9, ("茶具", "乌龙茶")),
            Campaign(
                f"{year}-中秋",
                "中秋礼盒预订开始，满十盒九折",
                mid_autumn(year) - timedelta(days=28),
                24,
                ("中秋礼盒", "茶点"),
            ),
            Campaign(f"{year}-双11", "双11 全场八折起", date(year, 11, 1), 11, ("红茶", "普洱茶", "茶具")),
        ]
    # A campaign must be over before the end, for what it brought in to be seen.
    kept = (c for c in found if c.first >= start and c.first + timedelta(days=c.days) <= end)
    return iter(sorted(kept, key=lambda campaign: campaign.first))
