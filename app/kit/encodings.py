"""Encodings of text files: which one bytes are in, and what to do with bytes that are not."""

import codecs
import re

import chardet

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_EASTERN = frozenset({"big5", "shift_jis", "cp932", "euc-jp", "euc-kr", "cp949", "windows-1251", "koi8-r"})
_AS_LIKELY = 0.9
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NOT_OF_FILES = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"})
"""Encodings of names, of source code and of mails."""
MARKING = "rapport.marking"
"""How to decode so that whatever is no text shows in `storable`, in every encoding."""


def _marked(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeDecodeError):
        raise fault
    # Half a character, which no text has. Bytes that stand for themselves would not do: UTF-16 has none.
    return "\udcff", fault.end


codecs.register_error(MARKING, _marked)


def detect(head: bytes, *, whole: bool) -> str:
    """The encoding by its mark, by being valid UTF-8, or by what the bytes look like.

    whole tells that the bytes are the whole file; otherwise they may end in the middle of a character.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head[1::2].count(0) > len(head) // 8:
        return "utf-16-le"
    if head[0::2].count(0) > len(head) // 8:
        return "utf-16-be"
    if fits(head, "utf-8", whole=whole):
        return "utf-8"
    likely = {str(one["encoding"] or "").lower(): one["confidence"] for one in chardet.detect_all(head)}
    found = next(iter(likely), "")
    # A superset of GB2312 and GBK; where little is written in Chinese, others look as likely.
    if likely.get("gb18030", 0.0) >= _AS_LIKELY * likely.get(found, 0.0) and fits(
        head, "gb18030", whole=whole
    ):
        return "gb18030"
    # Among the Western ones nearly every file is in Windows' own.
    return found if found in _EASTERN else "cp1252"


def known(encoding: str) -> bool:
    """Whether there is a text encoding of this name."""
    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):
        return False
    # The private flag is the only place that tells hex from text.
    return found._is_text_encoding and found.name not in _NOT_OF_FILES  # noqa: SLF001 - see above


def fits(head: bytes, encoding: str, *, whole: bool) -> bool:
    """Whether the bytes are valid in the encoding."""
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(head, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def decoded(head: bytes, encoding: str) -> str:
    """The bytes as text without its mark, as well as it goes; what ends in the middle of a character loses it."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(head).removeprefix("\ufeff")


def storable(text: str) -> bool:
    """Whether the text has neither NUL nor halves of characters."""
    return "\x00" not in text if text.isascii() else _UNSTORABLE.search(text) is None


def mended(text: str) -> str:
    """The text with U+FFFD for what cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text)
