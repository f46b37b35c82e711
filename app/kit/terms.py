"""Search terms: what a record is found by, and the query that finds it.

Terms are stored as a tsvector (array_to_tsvector of the union of the sets made here, under one GIN) and asked for with the
tsquery texts made here. The first letter of a term names the group of fields that it came from, and a query names the
groups that its reader may see, so nobody finds a record by a field that is hidden from them.

What is bounded is cut, never refused: 256 characters of a text or a query, 48 of a word, 64 of a code with 12 parts, 32
Han characters of a run in at most 4 pinyin spellings, 16 words of a query. No term is longer than 260 bytes, none holds
NUL, a control character or a lone surrogate.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby, islice, pairwise, product

from pypinyin import Style, lazy_pinyin, pinyin

_TEXT, _WORD, _CODE, _PARTS, _RUN, _SPELLINGS, _WORDS_ASKED = 256, 48, 64, 12, 32, 4, 16
_SHORTEST_NEAR, _LONGEST_NEAR = 4, 20
_GRAM = 4
_SOUNDED, _PHRASED = 64, 4
_LONGEST_PHONE = 17  # 15 digits (E.164) after an international prefix of two

# Scripts that write without blanks: Han, kana, Hangul. They are found by single characters and pairs.
_DENSE = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\uf900-\ufaff\U00020000-\U0002fa1f\U00030000-\U000323af"
)
# Vowel signs and the like belong to their words, and re's \w leaves them out. No mark lies above these planes.
_MARKS = "".join(c for c in map(chr, range(0x300, 0x1F000)) if unicodedata.category(c) in {"Mn", "Mc"})
_RUNS = re.compile(f"[{_DENSE}]+|[^{_DENSE}]+")
_TERMS = re.compile(f"([{_DENSE}]+)|([^\\W_{_DENSE}](?:[^\\W_{_DENSE}]|[{_MARKS}])*)")
_CODE_PARTS = re.compile(f"[{_DENSE}]+|[^\\W\\d_{_DENSE}]+|\\d+")
_ASCII_PARTS = re.compile("[a-z]+|[0-9]+")
_NOT_DIGITS = re.compile("[^0-9]+")
_DENSE_ONLY = re.compile(f"[{_DENSE}]")
_APOSTROPHES = re.compile("['`‘’ʼ]")
# Invisible: joiners, soft hyphens, marks of direction, variation selectors.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_NUMERIC = re.compile(r"[0-9+().\-]+")
# Letters that Unicode does not decompose.
_BASE = {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"}

# Readings as a family name, where they differ from the commonest reading of the character (现代汉语词典, entries marked 姓).
_FAMILY_READINGS = dict(
    re.findall(
        r"(\S+) (\S+)",
        """单 shan 曾 zeng 解 xie 仇 qiu 区 ou 盖 ge 查 zha 朴 piao 翟 zhai 乐 yue 缪 miao 折 she 种 chong 秘 bi 员 yun 黑 he
        覃 qin 召 shao 隗 wei 藏 zang 洗 xian 车 che 柏 bo 祭 zhai 谌 shen 阚 kan 牟 mu 佴 nai 撒 sa 都 du 宓 fu 郇 xun 繁 po
        薄 bo 卜 bu 句 gou 尉迟 yu-chi 万俟 mo-qi 长孙 zhang-sun 澹台 tan-tai""",
    )
)
# A second reading alive in given names, places and firms; dictionaries list many more that nobody types.
_SECOND_READINGS = dict(
    re.findall(
        r"(\S+) (\S+)",
        """长 chang 行 hang 重 chong 乐 yue 朝 zhao 传 zhuan 调 tiao 厦 xia 校 jiao 会 kuai 茜 xi 盛 cheng 晟 sheng 蔚 yu
        藏 zang 隽 jun 佛 fo 都 du 率 shuai 参 shen 番 pan 莘 xin 泊 po 堡 pu 柏 bo 炅 gui 还 huan 埔 bu 六 lu 曾 zeng
        查 zha 单 shan 大 dai""",
    )
)


def index(group: str, text: str) -> set[str]:
    """Terms of a name, a title, a firm: words without accents, Han in characters, pairs and pinyin, and typing errors.

    A word of 4 to 20 letters also leaves each of its deletions of one letter, marked ~ (Mor and Fraenkel 1982, "A hash code
    method for detecting and correcting spelling errors"; Garbe 2012, SymSpell). Raises ValueError when `group` is not a letter.
    """
    _check(group)
    folded = _fold(text)
    found: set[str] = set()
    for dense, word in _named(folded):
        if dense:
            found.update([group + character for character in dense])
            found.update([group + first + second for first, second in pairwise(dense)])
            _add_pinyin(found, group, dense)
        else:
            found.add(group + word)
            if _SHORTEST_NEAR <= len(word) <= _LONGEST_NEAR and word.isalpha():
                found.update([f"{group}~{shorter}" for shorter in _deletions(word)])
    return found


def index_phone(group: str, e164: str) -> set[str]:
    """Terms of a number in E.164: whole, with its +, and each four digits that follow one another."""
    _check(group)
    digits = _NOT_DIGITS.sub("", e164[:_TEXT])[:_LONGEST_PHONE]
    if not digits:
        return set()
    found = {group + gram for gram in _grams(digits)}
    found.add(f"{group}+{digits}")
    return found


def index_code(group: str, text: str) -> set[str]:
    """Terms of a number, SKU, external id or e-mail address: whole, and from the beginning of each of its parts onwards.

    Parts are what stands between marks, and letters beside digits: 'SO-2024/7' is found by so-20, 2024/7, 7 and so20247.
    """
    _check(group)
    value = _trimmed(_fold(text))
    if not value:
        return set()
    # Written without its marks as well; of an e-mail address the mailbox alone, for nobody runs it into the domain.
    found = {group + value[:_CODE], group + _joined(value.partition("@")[0])[:_CODE]}
    parts = _ASCII_PARTS if value.isascii() else _CODE_PARTS
    for part in islice(parts.finditer(value), _PARTS):
        at = part.start()
        found.add(group + value[at : at + _CODE])
    return found


def sort_key(name: str, *, person: bool) -> str:
    """How the name sounds, a tab, and the name: by code points, names sort by their sounds, then as they are written."""
    return f"{sound(name, person=person)}\t{name}"


def sound(name: str, *, person: bool) -> str:
    """The first 64 characters of a name, as dictionaries sort them: syllables and words with blanks between them.

    Han in pinyin without tones, a person's surname as surnames are read, ü as u: because it follows u; words in lower
    case without accents; no marks.
    """
    folded = _APOSTROPHES.sub("", _fold(name)[:_SOUNDED])
    return " ".join(part for dense, word in _runs(folded) for part in (_read(dense, person) or [word]))


def query(q: str, groups: Mapping[str, str]) -> str | None:
    """The tsquery text (cast it: ::tsquery) for what somebody typed, or None when nothing can be found by it.

    `groups` maps each group that the reader may see to its kind: 'name', 'phone' or 'code'. Every word must be found in one of
    the groups: Han by all its pairs, other words by their beginning, digits (at least four, however they are spaced) by all
    their fours in a phone. On None the answer is no rows, never all rows. Words after the 16th, and words without a letter
    or digit, are left out. Raises ValueError for a group that is not a letter, and for an unknown kind.
    """
    return _asked(q, groups, near=False)


def fuzzy(q: str, groups: Mapping[str, str]) -> str | None:
    """As `query`, and words of letters in names also match with one letter inserted, deleted, changed or exchanged.

    A stored word of 4 to 20 letters is found so, whole words only. Costlier: to be tried when `query` found nothing.
    """
    return _asked(q, groups, near=True)


def _check(group: str) -> None:
    if not (len(group) == 1 and group.isascii() and group.isalpha()):
        raise ValueError(f"A group of search terms is named by one letter a-z, not by {group[:20]!r}.")


def _fold(text: str) -> str:
    text = text[:_TEXT]
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        folded = _INVISIBLE.sub("", folded)[:_TEXT]
    if folded.isprintable():
        return folded
    # Newer Han than this Python's tables is not "printable" and is somebody's name nevertheless.
    return "".join(c if c.isprintable() or _DENSE_ONLY.match(c) else " " for c in folded)


def _named(folded: str) -> list[tuple[str, str]]:
    """(dense run, "") or ("", word), as a name is indexed."""
    if not _APOSTROPHES.search(folded):
        return _runs(folded)
    # O'Brien is typed obrien, and is looked for as brien.
    return _runs(_APOSTROPHES.sub("", folded)) + _runs(_APOSTROPHES.sub(" ", folded))


def _runs(folded: str) -> list[tuple[str, str]]:
    return [(dense, _plain(word)) for dense, word in _TERMS.findall(folded)]


def _plain(word: str) -> str:
    return word[:_WORD] if word.isascii() else "".join(map(_base, word))[:_WORD]


@lru_cache(maxsize=8192)
def _base(character: str) -> str:
    """A Latin or Greek letter without its accents; any other character as it is."""
    if "\u0300" <= character <= "\u036f":
        return ""
    if not unicodedata.name(character, "").startswith(("LATIN", "GREEK")):
        return character
    parts = unicodedata.normalize("NFD", character)
    return "".join(_BASE.get(part, part) for part in parts if not unicodedata.combining(part))


def _deletions(word: str) -> list[str]:
    return [word[:at] + word[at + 1 :] for at in range(len(word))]


def _add_pinyin(found: set[str], group: str, run: str) -> None:
    for spelling in _spellings(run[:_RUN]):
        tail = ""
        for syllable in reversed(spelling):
            tail = syllable + tail
            found.add(group + tail[:_WORD])
        found.add(group + "".join([syllable[0] for syllable in spelling]))


def _spellings(run: str) -> list[tuple[str, ...]]:
    """The run in pinyin without tones, the likeliest reading first; those of its beginning vary before the later ones."""
    readings = [_readings(character) for character in run]
    if family := _FAMILY_READINGS.get(run[:2]) or _FAMILY_READINGS.get(run[:1]):
        for at, reading in enumerate(family.split("-")):
            readings[at] = tuple(dict.fromkeys((reading, *readings[at])))
    readings = [each for each in readings if each]
    if not readings:
        return []
    return [spelling[::-1] for spelling in islice(product(*readings[::-1]), _SPELLINGS)]


@lru_cache(maxsize=32768)
def _readings(character: str) -> tuple[str, ...]:
    found = pinyin(character, style=Style.NORMAL, errors="ignore")
    if not found:
        return ()
    first = found[0][0]
    # ü: v on keyboards, u by habit, yu in passports (GB/T 28039-2011).
    spelt = [first] if "v" not in first else [first, first.replace("v", "u"), first.replace("v", "yu")]
    second = _SECOND_READINGS.get(character)
    return tuple(spelt if second is None else [*spelt, second])


def _read(run: str, person: bool) -> list[str]:
    """A dense run as syllables; what has no reading stays as it is."""
    read = [next(iter(_readings(character)), character) for character in run]
    if person:
        family = _FAMILY_READINGS.get(run[:2]) or _FAMILY_READINGS.get(run[:1]) or ""
        begun = family.split("-") if family else []
    else:
        begun = _phrase(run[:_PHRASED])  # a firm is often named for its place: 长沙, 重庆
    read[: len(begun)] = begun
    return [syllable.replace("v", "u:") for syllable in read]


@lru_cache(maxsize=8192)
def _phrase(run: str) -> list[str]:
    """The characters as they are read in the words that they make."""
    read = lazy_pinyin(run, style=Style.NORMAL)
    return read if len(read) == len(run) else []  # what is no Han comes in one piece


def _grams(digits: str) -> list[str]:
    return [digits[at : at + _GRAM] for at in range(len(digits) - _GRAM + 1)]


def _trimmed(value: str) -> str:
    """Without the marks around it."""
    first, last = 0, len(value)
    while first < last and not value[first].isalnum():
        first += 1
    while last > first and not value[last - 1].isalnum():
        last -= 1
    return value[first:last]


def _searchable(word: str) -> bool:
    return any(map(str.isalnum, word)) or bool(_DENSE_ONLY.match(word))


def _joined(value: str) -> str:
    return value if value.isalnum() else "".join(filter(str.isalnum, value))


def _asked(q: str, groups: Mapping[str, str], *, near: bool) -> str | None:
    for group, kind in groups.items():
        _check(group)
        if kind not in {"name", "phone", "code"}:
            raise ValueError(f"Group {group!r} is of kind {kind[:20]!r}; the kinds are name, phone and code.")
    words = [run for word in _fold(q).split() for run in _RUNS.findall(word)][:_WORDS_ASKED]
    asked: list[str | None] = []
    for numeric, together in groupby(words, key=lambda word: bool(_NUMERIC.fullmatch(word))):
        typed = list(together)
        alone = [_anywhere(word, groups, near=near) for word in typed if _searchable(word)]
        if numeric and len(alone) > 1:
            # One number with blanks in it, or several numbers: nobody can tell, so either.
            asked.append(_any([_in_phones("".join(typed), groups), _all(alone)]))
        else:
            asked.extend(alone)
    return _all(asked)


def _anywhere(word: str, groups: Mapping[str, str], *, near: bool) -> str | None:
    clauses = [_in_phones(word, groups) if _NUMERIC.fullmatch(word) else None]
    for group, kind in groups.items():
        if kind == "name":
            clauses.append(_in_name(group, word, near=near))
        elif kind == "code":
            value = _trimmed(word)
            written = dict.fromkeys((value, value if "@" in value else _joined(value)))
            clauses.append(_any([_lexeme(group + each[:_CODE], ":*") for each in written if each]))
    return _any(clauses)


def _in_name(group: str, word: str, *, near: bool) -> str | None:
    clauses: list[str | None] = []
    for dense, plain in _runs(_APOSTROPHES.sub("", word)):
        if dense:
            pairs = map("".join, pairwise(dense)) if len(dense) > 1 else dense
            clauses.extend(_lexeme(group + each) for each in pairs)
        elif plain:
            begun = _lexeme(group + plain, ":*")
            clauses.append(_any([begun, *_neighbours(group, plain)]) if near else begun)
    return _all(clauses)


def _neighbours(group: str, word: str) -> Iterable[str]:
    """What a stored word of 4 to 20 letters, one typing error away, was indexed under."""
    if not word.isalpha():
        return
    if _SHORTEST_NEAR <= len(word) + 1 <= _LONGEST_NEAR:
        yield _lexeme(f"{group}~{word}")
    for shorter in _deletions(word):
        if _SHORTEST_NEAR <= len(shorter) <= _LONGEST_NEAR:
            yield _lexeme(group + shorter)
        if _SHORTEST_NEAR <= len(word) <= _LONGEST_NEAR:
            yield _lexeme(f"{group}~{shorter}")


def _in_phones(typed: str, groups: Mapping[str, str]) -> str | None:
    international = typed.lstrip("(").startswith("+")
    if international:
        typed = typed.replace("(0)", "")  # a trunk prefix is shown so and is no part of E.164
    digits = _NOT_DIGITS.sub("", typed)
    # National and international prefixes (0, 00) are no part of it either; but a part of a number may begin with zeros.
    written = [
        each for each in dict.fromkeys((digits, digits.lstrip("0"))) if _GRAM <= len(each) <= _LONGEST_PHONE
    ]
    clauses: list[str | None] = []
    for group in [group for group, kind in groups.items() if kind == "phone"]:
        if international:
            clauses.extend(_lexeme(f"{group}+{each}", ":*") for each in written[:1])
        else:
            clauses.extend(_all([_lexeme(group + gram) for gram in _grams(each)]) for each in written)
    return _any(clauses)


def _lexeme(term: str, how: str = "") -> str:
    quoted = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'{how}"


def _any(clauses: Iterable[str | None]) -> str | None:
    """Alternatives; what cannot match is none."""
    possible = list(dict.fromkeys(clause for clause in clauses if clause))
    return f"({' | '.join(possible)})" if len(possible) > 1 else "".join(possible) or None


def _all(clauses: Iterable[str | None]) -> str | None:
    """Conditions; with one that cannot match, or without any, nothing can."""
    needed = list(dict.fromkeys(clauses))
    if not needed or None in needed:
        return None
    return f"({' & '.join(clause for clause in needed if clause)})" if len(needed) > 1 else needed[0]
