"""What a process says, whoever in it says it."""

import json
import subprocess
import sys

import pytest

# In a process of its own, because logging is set up once for all of it.
_SAYS = """
import logging, sys, warnings
import structlog
from app.kit import logs
logging.getLogger("uvicorn").addHandler(logging.StreamHandler())
logging.getLogger("uvicorn").propagate = False
logs.configure("INFO", sys.argv[1])
logs.configure("INFO", sys.argv[1])
structlog.get_logger().info("ours", 名="张伟")
logging.getLogger("uvicorn.error").info("Started %s", "uvicorn")
logging.getLogger("arq.worker").warning("an arq line")
logging.getLogger("arq.worker").info("not worth a line")
logging.getLogger("asyncio").error("asyncio\\nin two lines")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("another").exception("foreign fault")
    structlog.get_logger().exception("own fault")
warnings.warn("old ways", DeprecationWarning)
"""


def _said(form: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", _SAYS, form], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_every_line_is_json_whoever_says_it() -> None:
    lines = [json.loads(line) for line in _said("json")]
    assert [(line["event"], line["level"]) for line in lines[:4]] == [
        ("ours", "info"),
        ("Started uvicorn", "info"),
        ("an arq line", "warning"),
        ("asyncio\nin two lines", "error"),
    ]
    assert lines[0]["名"] == "张伟"
    assert [line.get("logger") for line in lines[:4]] == [None, "uvicorn.error", "arq.worker", "asyncio"]
    for line, event in zip(lines[4:6], ("foreign fault", "own fault"), strict=True):
        assert (line["event"], line["level"]) == (event, "error")
        assert "ZeroDivisionError" in line["exception"]
    assert "old ways" in lines[6]["event"]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert len(lines) == 7


def test_as_text_too_every_line_is_said_once_in_one_form() -> None:
    text = _said("text")
    for word in ("ours", "Started uvicorn", "an arq line", "own fault", "foreign fault", "old ways"):
        found = [line for line in text if word in line]
        assert len(found) == 1, (word, found)
        assert found[0][:4].isdigit()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_fault_tells_no_values_of_variables(form: str) -> None:
    assert "locals" not in "".join(_said(form))
