"""The files that come with the code: pinned requirements, and no word of anybody's machine."""

import re
from pathlib import Path

import pytest

from tests.house import source

_PIN = re.compile(
    r"(?m)^([a-z0-9][a-z0-9._-]*(?:\[[a-z,]+\])?)==(\S+)((?: ; [^\\\n]+)?)((?: \\\n {4}--hash=sha256:[0-9a-f]{64})*)$",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?<![\w./~$}\-])(/(?:home|root|Users|work|workspace|workspaces|mnt|media)(?:/[\w.\-]+)+|[A-Z]:\\[\w\\]+)"
)
_OUTSIDE = re.compile(r"(?<![\w./])(?:\.\./)+[\w.\-]+")


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_requirement_is_pinned_with_its_hashes(name: str):
    text = (source.ROOT / "requirements" / f"{name}.txt").read_text()
    pins = _PIN.findall(text)
    assert len(pins) > 20
    assert [pin[0] for pin in pins if not pin[3]] == []
    rest = [line for line in _PIN.sub("", text).splitlines() if line.strip() and not line.startswith("#")]
    assert rest == [], (
        "a line that is neither a pin with hashes nor a comment: an index, an address, or a loose version"
    )


def test_requirements_name_no_place_to_get_them_from():
    for path in (source.ROOT / "requirements").glob("*.txt"):
        assert not re.search(
            r"://|--index|--find-links|--extra-index|--trusted-host|(?m:^-)", path.read_text()
        ), path.name


def test_no_file_knows_anybodys_machine():
    found = []
    for path in source.tracked():
        if path.name == Path(__file__).name:
            continue
        try:
            text = (source.ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            found += [
                f"{path}:{number} {place}" for place in (*_PLACE.findall(line), *_outside(path.parent, line))
            ]
    assert found == [], "a path that is on one machine only, or outside of the project"


def _outside(folder: Path, line: str) -> list[str]:
    """Relative paths that leave the project from the file's own folder."""
    depth = len(folder.parts)
    return [match for match in _OUTSIDE.findall(line) if match.count("../") > depth]


def test_a_path_of_a_machine_is_recognised():
    for line in ("see /home/li/crm", "cd /Users/li/crm", r"C:\Users\li"):
        assert _PLACE.search(line), line
    for line in (
        "/v1/contacts",
        "https://example.com/home/page",
        "/var/lib/rapport",
        "~/work/x",
        "GET /work",
    ):
        assert not _PLACE.search(line), line
    assert _outside(Path("docs"), "see ../../other/README.md") == ["../../other"]
    assert _outside(Path("docs"), "see ../README.md") == []
