"""Every error has a number at the door and a code that can be told from the others."""

import importlib
import pkgutil
import re

import app
from app.api import problems
from app.domain.errors import DomainError
from tests.house import codes


def _below(kind: type[DomainError]) -> set[type[DomainError]]:
    return {one for child in kind.__subclasses__() for one in {child, *_below(child)}}


def test_every_error_has_a_status():
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds = {kind for kind in _below(DomainError) if kind.__module__.startswith("app.")}
    assert len(kinds) > 5
    for kind in kinds:
        status = problems.status_of(kind("some_code", "Something is wrong."))
        assert 400 <= status < 600


def test_a_code_has_one_status():
    found = codes.found()
    assert len({one.code for one in found}) == len(found)


def test_a_code_is_a_few_words_and_its_sentence_a_sentence():
    for one in codes.found():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", one.code), one
        assert one.detail == "…" or re.search(r"[.…]$", one.detail), one
