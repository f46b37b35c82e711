"""JSON pointers: where in a document something is wrong (RFC 6901)."""

from collections.abc import Iterable


def pointer(parts: Iterable[object]) -> str:
    """The pointer to these keys and places; what is no Unicode (half a surrogate pair) is written as an escape."""
    return "".join(f"/{_token(str(part))}" for part in parts)


def _token(part: str) -> str:
    clean = part.encode(errors="backslashreplace").decode()
    return clean.replace("~", "~0").replace("/", "~1")
