"""Lines of text files, one at a time, packed or not: each up to a length, and each with its place.

Memory grows neither with the file nor with a line. A line ends with LF, CR LF or CR.
"""

import codecs
import gzip
import io
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from app.kit import encodings

BLOCK = 256 * 1024
LONGEST = 4 * 1024**2
"""Bytes of one row, over however many lines it goes; what is beyond is told of and not read."""
MOST_UNPACKED = 4 * 1024**3
"""Bytes that a packed file may unpack to; the last of them can still be gone to within one batch of work."""
MOST_RATIO = 200
"""Times its size that a packed file may unpack to; real files stay below 50."""
_MARK = "\ufeff"


class Unreadable(ValueError):
    """The file as a whole cannot be read: a stable code and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Endless(Exception):
    """A row that goes on for more bytes than one may have."""


class Place(NamedTuple):
    """Where a line begins: after how many bytes of the unpacked file, and as which line."""

    byte: int = 0
    line: int = 1


_FIRST = Place()


class Lines:
    """The lines of a file from a place on; those of one row that have been taken can be given back."""

    def __init__(self, file: IO[bytes], encoding: str, *, gzipped: bool = False, at: Place = _FIRST) -> None:
        """Raises Unreadable, as every step does."""
        self._source = _measured(_blocks(file, encoding, gzipped=gzipped, skip=at.byte))
        self._returned: deque[tuple[bytes, int]] = deque()
        self._taken: list[tuple[bytes, int]] = []
        self._byte, self._line = at
        self._bytes = 0
        self.cut = False
        """Whether the row has a line of which not all was read."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """The next line, or what there is room for of it. Raises Endless."""
        if self._bytes > LONGEST:
            raise Endless
        found = self._returned.popleft() if self._returned else next(self._source)
        self._taken.append(found)
        line, size = found
        self._bytes += size
        self.cut = self.cut or len(line) < size
        return line

    def begin(self) -> int:
        """Let a row begin at the next line, whose number is returned."""
        self._byte += self._bytes
        self._line += len(self._taken)
        self._taken.clear()
        self._bytes, self.cut = 0, False
        return self._line

    @property
    def place(self) -> Place:
        """Where the next line begins."""
        return Place(self._byte + self._bytes, self._line + len(self._taken))

    def give_back(self) -> bytes:
        """Let the row end with its first line, which is returned."""
        first, *rest = self._taken
        self._returned.extendleft(reversed(rest))
        line, size = first
        self._taken, self._bytes, self.cut = [first], size, len(line) < size
        return line


def decoder(encoding: str) -> Callable[[bytes], str]:
    """From a line of `Lines` to its text; what is none shows in `encodings.storable`."""
    name, errors = ("utf-8", "surrogatepass") if not tells_lines(encoding) else (encoding, encodings.MARKING)
    if codecs.lookup(name).name == "utf-8-sig":
        name = "utf-8"

    def decoded(line: bytes) -> str:
        # A byte order mark is no text, whichever encoding was stated.
        return line.decode(name, errors).removeprefix(_MARK)

    return decoded


def unpacked(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file in gzip. Raises Unreadable, also for one that is far larger than it should be."""
    left = min(MOST_UNPACKED, max(file.seek(0, io.SEEK_END) * MOST_RATIO, BLOCK))
    file.seek(0)
    packed = gzip.GzipFile(fileobj=file)
    while True:
        try:
            block = packed.read(BLOCK)
        except (OSError, EOFError, zlib.error) as fault:
            raise Unreadable("gzip_broken", f"The file cannot be unpacked to its end: {fault}.") from None
        if not block:
            return
        left -= len(block)
        if left < 0:
            raise Unreadable(
                "unpacked_too_large", "The file unpacks to far more than its size; send it unpacked."
            )
        yield block


def tells_lines(encoding: str) -> bool:
    """Whether the bytes of a line break are a line break, and nothing else, as in all but UTF-16, UTF-32 and EBCDIC."""
    return "\r\n".encode(encoding) in {b"\r\n", codecs.BOM_UTF8 + b"\r\n"}


def _blocks(file: IO[bytes], encoding: str, *, gzipped: bool, skip: int) -> Iterator[bytes]:
    """The bytes after so many; those of an encoding that does not tell lines are made UTF-8."""
    if not gzipped and tells_lines(encoding):
        file.seek(skip)
        return _stored(file)
    file.seek(0)
    found = unpacked(file) if gzipped else _stored(file)
    return _after(skip, found if tells_lines(encoding) else _in_utf8(found, encoding))


def _stored(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _in_utf8(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoding = codecs.getincrementaldecoder(encoding)(encodings.MARKING)
    for block in blocks:
        yield decoding.decode(block).encode("utf-8", "surrogatepass")
    yield decoding.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _after(skip: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        if skip < len(block):
            yield block[skip:]
        skip = max(0, skip - len(block))


def _measured(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Each line, its end with it and no longer than it may be, and how many bytes it has in all."""
    held, lost = b"", 0
    for block in blocks:
        # A CR at the end of a block may have its LF in the next, so the last line is always held.
        *whole, held = (held + block).splitlines(keepends=True) or [b""]
        for line in whole:
            yield line[:LONGEST], len(line) + lost
            lost = 0
        if len(held) > LONGEST:
            lost += len(held) - LONGEST
            held = held[: LONGEST - 1] + held[-1:]
    if held:
        yield held[:LONGEST], len(held) + lost
