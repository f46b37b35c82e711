"""Names of firms in forms that can be compared: without their legal form, in parts, and as they sound.

A Chinese name is place, core, trade and legal form, in this order (Regulations on the Administration of Enterprise Name
Registration 2020, article 6), the place in the middle when it is in brackets; other names hold the same in any order.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.kit import names, terms
from app.kit.firm_words import (
    BRANCH_WORDS,
    HAN_BRANCHES,
    HAN_FORMS,
    HAN_PLACES,
    LEADING_FORMS,
    LEGAL_FORMS,
    SECOND_LEVELS,
    SHARED_DOMAINS,
    SMALL,
    TRADES,
    TRIFLES,
    WORLD_PLACES,
)

_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUNS = re.compile(f"[{_HAN}]+|[^{_HAN} ]+")
_IS_HAN = re.compile(f"[{_HAN}]")
_FORM = re.compile(f"(.+?)({'|'.join(sorted(HAN_FORMS, key=len, reverse=True))})$")
_BRANCH = re.compile(f"(.*?)({'|'.join(HAN_BRANCHES)})$")
_BRANCH_OF = re.compile(f"^(.+(?:公司|集团|集團))(.*)({'|'.join(HAN_BRANCHES)})$")
_ORDINAL = re.compile("第?[一二三四五六七八九十0-9]+$")
_PLACE = re.compile(
    f"(?:({'|'.join(HAN_PLACES)})(?:特别行政区|[^省市区县]{{0,4}}自治区|省|市)?)((?:[^省市区县]{{2,3}}(?:新区|区|县))?)"
)
_ALONE = re.compile(f"((?:{_PLACE.pattern})*(?:{_ORDINAL.pattern[:-1]})?)({'|'.join(HAN_BRANCHES)})$")
_LONGEST_FORM, _LONGEST_PLACE, _SHORTEST_CORE = 5, 3, 2
_FEWEST_INITIALS = 3


@dataclass(frozen=True, slots=True)
class Firm:
    """The parts of a firm's name, folded, each empty where it has none."""

    core: str
    """What is the firm's own."""
    trades: tuple[str, ...]
    """What it does, as far as its name says; the same words for names of any language."""
    place: str
    """Where it is, as far as its name says, in pinyin or English."""
    branch: str
    """What distinguishes a branch of it; firms have none."""
    initials: str
    """Of a name of three words or more."""

    @property
    def sound(self) -> str:
        """How the core sounds, in Latin letters without blanks: 海蓝 and Hai Lan are one."""
        return sound(self.core)

    @property
    def spelt(self) -> str:
        """The core's letters, or its characters when they are more than two: of two, another one makes another name."""
        if _IS_HAN.search(self.core):
            return self.core if len(self.core) > _SHORTEST_CORE else ""
        return self.core.replace(" ", "")


@lru_cache(maxsize=65536)
def parts(name: str) -> Firm:
    """What a firm's name is made of. What would leave nothing of its own is taken for its own."""
    words = [run for word in names.folded(name).split() for run in _RUNS.findall(word)]
    words, branch = _without_branch(words)
    own, place = _without_place(_without_form(words))
    core, trades = _without_trades(own)
    return Firm(
        " ".join(core) if core else " ".join(own),
        tuple(sorted(trades)) if core else (),
        place,
        branch,
        _initials(own),
    )


@lru_cache(maxsize=65536)
def sound(text: str) -> str:
    """How a word of a firm's name sounds, without blanks: Han in pinyin, ü as u."""
    read = terms.sound(text, person=False).replace("u:", "u")
    return "".join(syllable for word in read.split() for syllable in names.syllables(word))


def place(text: str) -> str:
    """A region or city by the name that places in firms' names have; any other folded."""
    words = _RUNS.findall(names.folded(text))
    found = [each for word in words if _IS_HAN.match(word) for each in _han_places(word)]
    found += [each for _, _, each in _latin_places([word for word in words if not _IS_HAN.match(word)])]
    return found[-1] if found else " ".join(words)


def site(domain: str) -> str | None:
    """The part of a host's name that is registered, without www; None for what anybody has a mailbox or page at."""
    labels = domain.lower().removeprefix("www.").split(".")
    kept = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVELS else 2
    registered = ".".join(labels[-kept:])
    if registered not in SHARED_DOMAINS:
        return registered
    below = ".".join(labels)
    return below if len(labels) > kept and below not in SHARED_DOMAINS else None


def label(registered: str) -> str:
    """The word of a registered domain that is the firm's own, whatever it ends with."""
    return registered.partition(".")[0]


def after(registered: str, firm: Firm) -> bool:
    """Whether a registered domain is called after the firm, or after the beginning of its name."""
    plain = label(registered).replace("-", "")
    return bool(firm.sound) and (firm.sound in plain or firm.sound.startswith(plain))


def alike(one: Firm, other: Firm) -> str:
    """How far two names agree, in the words of app.analytics.duplicates.companies, but for errors of typing."""
    if one.branch != other.branch:
        return "different"
    if (
        one.place
        and one.trades
        and (one.place, one.core, one.trades) == (other.place, other.core, other.trades)
    ):
        return "in_full"
    if one.sound == other.sound and one.trades == other.trades:
        return "same" if one.core == other.core else "same_sound"
    if one.sound == other.sound:
        shared = not one.trades or not other.trades or not set(one.trades).isdisjoint(other.trades)
        return "without_trade" if shared else "other_trade"
    if one.initials == other.sound or other.initials == one.sound:
        return "initials"
    words, others = {*one.core.split(), *one.trades}, {*other.core.split(), *other.trades}
    return "one_part_missing" if words <= others or others <= words else "different"


def _without_branch(words: Sequence[str]) -> tuple[list[str], str]:
    if words and words[-1] in BRANCH_WORDS:
        end = next(
            (at for at in range(len(words) - 1, 0, -1) if _form_length(words[:at])),
            max(len(words) - 2, 1),
        )
        return list(words[:end]), sound(" ".join(words[end:-1])) or words[-1]
    last = words[-1] if words else ""
    if found := _BRANCH_OF.match(last):
        kept, where, _ = found.groups()
        return [*words[:-1], kept], sound(_bare_place(where)) or "branch"
    if len(words) > 1 and (found := _ALONE.match(last)):  # in brackets
        return list(words[:-1]), sound(_bare_place(found[1])) or "branch"
    if found := _BRANCH.match(last):
        before = found[1]
        at = next((m.start() for m in _PLACE.finditer(before) if m.start() and m.end() == len(before)), None)
        if at is None and (ordinal := _ORDINAL.search(before)) and ordinal.start():
            at = ordinal.start()
        if at is None:
            return ([*words[:-1], before], "branch") if before else (list(words), "")
        return [*words[:-1], before[:at]], sound(_bare_place(before[at:]))
    return list(words), ""


def _bare_place(text: str) -> str:
    found = _PLACE.match(text)
    return (found[1] + found[2] + text[found.end() :]) if found else text


def _form_length(words: Sequence[str]) -> int:
    """How many words at the end are a legal form."""
    for length in range(min(_LONGEST_FORM, len(words)), 0, -1):
        if "".join(words[-length:]) in LEGAL_FORMS:
            return length
    return 0


def _without_form(words: Sequence[str]) -> list[str]:
    kept = [word for word in words if word not in HAN_FORMS] or list(words)
    if len(kept) > 1 and kept[0] in LEADING_FORMS:
        kept = kept[1:]
    while kept:
        if _IS_HAN.match(kept[-1]) and (found := _FORM.match(kept[-1])):
            kept[-1] = found[1]
        elif (length := _form_length(kept)) and length < len(kept):
            kept = kept[:-length]
        else:
            break
    for form in HAN_FORMS:  # 株式会社 stands before as often as after
        if kept and kept[0].startswith(form) and len(kept[0]) > len(form):
            kept[0] = kept[0].removeprefix(form)
    return [word for word in kept if word not in SMALL] or kept


def _without_place(words: Sequence[str]) -> tuple[list[str], str]:
    """What remains, and the last of the places that were named; a name that is nothing else keeps them."""
    kept: list[str] = []
    found: list[str] = []
    for word in words:
        rest = word
        while _IS_HAN.match(rest) and (begun := _PLACE.match(rest)):
            found.append(_sounded(begun[1]))
            rest = rest[begun.end() :]
        if rest:
            kept.append(rest)
    if found and not _without_trades(kept)[0]:
        kept, found = list(words), []
    for start, end, name in reversed(_latin_places(kept)):
        rest_of = kept[:start] + kept[end:]
        if _without_trades(rest_of)[0]:
            kept, found = rest_of, [name, *found]
    return kept, found[-1] if found else ""


def _han_places(text: str) -> list[str]:
    return [_sounded(found[1]) for found in _PLACE.finditer(text)]


@lru_cache(maxsize=1024)
def _sounded(place: str) -> str:
    return "shaanxi" if place == "陕西" else sound(place)


_LATIN_PLACES = {_sounded(place): _sounded(place) for place in HAN_PLACES} | {
    word: _sounded(name) if _IS_HAN.match(name) else name for word, name in WORLD_PLACES.items()
}


def _latin_places(words: Sequence[str]) -> list[tuple[int, int, str]]:
    """Where places stand among the words: from, to, and the place's name."""
    found, at = [], 0
    while at < len(words):
        for length in range(min(_LONGEST_PLACE, len(words) - at), 0, -1):
            if (joined := "".join(words[at : at + length])) in _LATIN_PLACES:
                found.append((at, at + length, _LATIN_PLACES[joined]))
                at += length
                break
        else:
            at += 1
    return found


def _without_trades(words: Sequence[str]) -> tuple[list[str], set[str]]:
    """What is the firm's own, and what it does; Han is cut from its end, as long as two characters stay."""
    core: list[str] = []
    trades: set[str] = set()
    for word in words:
        if word in TRADES:
            trades.add(TRADES[word])
            continue
        rest = word
        if _IS_HAN.match(word):
            while (length := _trade_length(rest)) and len(rest) - length >= _SHORTEST_CORE:
                trades.add(TRADES[rest[-length:]])
                rest = rest[:-length]
        core.append(rest)
    return core, trades - TRIFLES


_LONGEST_TRADE = max(map(len, TRADES))


def _trade_length(text: str) -> int:
    return next((n for n in range(min(_LONGEST_TRADE, len(text)), 1, -1) if text[-n:] in TRADES), 0)


def _initials(words: Sequence[str]) -> str:
    written = len(words) >= _FEWEST_INITIALS and not any(_IS_HAN.match(word) for word in words)
    return "".join(word[0] for word in words) if written else ""
