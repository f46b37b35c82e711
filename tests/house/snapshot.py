"""`make openapi`: write openapi/openapi.json and openapi/problems.md from the code."""

import json
from pathlib import Path
from typing import Any

from app.main import openapi_document
from tests.house import codes
from tests.house.source import ROOT

DOCUMENT = ROOT / "openapi" / "openapi.json"
PROBLEMS = ROOT / "openapi" / "problems.md"
CHANGES = ROOT / "openapi" / "CHANGES.md"


def text_of(document: dict[str, Any]) -> str:
    """A document with its keys in order, so that a new version of a library moves nothing."""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def write(document: Path = DOCUMENT, problems: Path = PROBLEMS) -> None:
    """Write both files."""
    document.write_text(text_of(openapi_document()))
    problems.write_text(codes.page())


if __name__ == "__main__":
    write()
