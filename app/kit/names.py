"""People's names and addresses in forms that can be compared: parts in any order, sounds in any script, bags of words."""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

from app.kit import terms

_HAN = re.compile(r"[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
_WORDS = re.compile(r"[^\W_]+")
_APOSTROPHES = re.compile("['`‘’ʼ]")
_SYLLABLE = re.compile(
    "(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|van|ai|ei|ao|ou|an|en"
    "|in|un|vn|ia|ie|iu|ua|uo|ui|ue|ve|er|a|o|e|i|u|v)"
)
_LONGEST_SYLLABLE = 6
_TWO = frozenset(
    re.findall("..", "欧阳上官司马诸葛东方皇甫尉迟公孙慕容令狐宇文长孙司徒夏侯南宫端木独孤万俟澹台轩辕")
)
"""The commoner surnames of two characters."""
_SOUNDEX = {
    letter: digit
    for digit, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), start=1)
    for letter in letters
}


def folded(text: str) -> str:
    """Without case, width, accents and marks: words with one blank between them, Han as it is."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(c for c in _APOSTROPHES.sub("", plain) if not unicodedata.combining(c))
    return " ".join(_WORDS.findall(unicodedata.normalize("NFC", plain)))


def parts(name: str, given: str | None = None, family: str | None = None) -> tuple[str, str]:
    """Given and family name, folded; what is not said is read from the name, as its script has it. Either may be empty."""
    first, last = folded(given or ""), folded(family or "")
    if first or last:
        return first, last
    whole = folded(name)
    if _HAN.fullmatch(whole):
        length = 2 if whole[:2] in _TWO and len(whole) > 2 else 1
        return whole[length:], whole[:length]
    *before, end = whole.split() or [""]
    return " ".join(before), end if before else ""


def bag(given: str, family: str, name: str) -> str:
    """The name with its words in one order, whichever they were written in."""
    if not (given or family):
        return folded(name)
    if _HAN.fullmatch(family + given):
        return family + given
    return " ".join(sorted(f"{given} {family}".split()))


@lru_cache(maxsize=65536)
def sound(given: str, family: str, name: str) -> str:
    """How the name sounds, its syllables in one order: 王小明, Xiaoming Wang and wang xiao ming are one.

    Han is read in pinyin, a surname as surnames are; words that are no pinyin stay as they are.
    """
    whole = (
        family + given if _HAN.fullmatch(family + given) else (f"{given} {family}".strip() or folded(name))
    )
    read = terms.sound(whole, person=True).replace("u:", "u").split()
    if _HAN.fullmatch(whole) and len(read) > 1:
        # Joined, and cut again as typed pinyin is, so that 西安 and Xian are one.
        length = 2 if whole[:2] in _TWO and len(read) > 2 else 1
        read = ["".join(read[:length]), "".join(read[length:])]
    return " ".join(sorted(syllable for word in read for syllable in syllables(word)))


@lru_cache(maxsize=65536)
def syllables(word: str) -> tuple[str, ...]:
    """A word of pinyin in as few syllables as it has, ü as u; any other word whole."""
    best: list[tuple[str, ...] | None] = [(), *[None] * len(word)]
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - _LONGEST_SYLLABLE), end):
            before = best[start]
            if before is None or not _SYLLABLE.fullmatch(word, start, end):
                continue
            known = best[end]
            if known is None or len(before) + 1 < len(known):
                best[end] = (*before, word[start:end])
    if best[-1] is None:
        return (word,)
    return tuple(syllable.replace("v", "u") for syllable in best[-1])  # ü, as keyboards have it


@lru_cache(maxsize=65536)
def soundex(word: str) -> str:
    """The code of a word of Latin letters (Russell 1918, US patent 1261167; as the US National Archives write it)."""
    letters = [c for c in word if "a" <= c <= "z"]
    if not letters:
        return word
    code, last = letters[0], _SOUNDEX.get(letters[0])
    for letter in letters[1:]:
        digit = _SOUNDEX.get(letter)
        if digit is not None and digit != last:
            code += str(digit)
        if letter not in "hw":
            last = digit
    return code[:4].ljust(4, "0")


def words(*texts: str | None) -> list[str]:
    """The bag of what stands in these texts, labels and order left out: words and numbers, of Han each two neighbours."""
    found: set[str] = set()
    for text in texts:
        for word in folded(text or "").split():
            for run in re.findall(f"{_HAN.pattern}|[^\\W\\d]+|\\d+", word):
                if len(run) > 1 and _HAN.fullmatch(run):
                    found.update(first + second for first, second in pairwise(run))
                else:
                    found.add(run)
    return sorted(found)
