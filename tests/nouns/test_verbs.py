"""Every noun has every verb, or a reason why not."""

import pytest

from app.db.nouns import Noun
from app.db.registry import NOUNS
from tests.nouns.nouns import SERVED

READING = {
    "list": ("GET", ""),
    "search": ("POST", "/search"),
    "count": ("POST", "/count"),
    "get": ("GET", "/{id}"),
    "history": ("GET", "/{id}/history"),
}
WRITING = {
    "add": ("POST", ""),
    "edit": ("PATCH", "/{id}"),
    "archive": ("POST", "/{id}/archive"),
    "restore": ("POST", "/{id}/restore"),
    "bulk": ("POST", "/bulk"),
}
NAMED_ELSEWHERE = {
    "get by external id": ("GET", "/by/{system}/{external_id}"),
    "upsert by external id": ("PUT", "/by/{system}/{external_id}"),
}
WITHOUT = {
    "api_key": ({"archive", "restore", "bulk"}, "a key is shown once, when it is made, and revoked for good"),
    "assignment_rule": ({"bulk"}, "there are a few of them, and their order tells who is asked first"),
    "calendar": ({"bulk"}, "there are a few of them"),
    "export": ({"edit", "bulk"}, "it is the list as it was when it was asked for"),
    "form": ({"bulk"}, "each is worded by itself, and nothing but its id tells which is meant"),
    "import": ({"bulk"}, "a file is sent by itself"),
    "duplicate": (set(WRITING), "it is found, then dismissed or merged"),
    "merge": (set(WRITING), "it is made by merging, and taken back"),
    "pipeline": ({"bulk"}, "there are a few of them"),
    "segment": ({"bulk"}, "each is judged by how it hangs together with the others"),
    "run": (set(WRITING), "work is asked for by the verbs that need it"),
}


@pytest.mark.parametrize("noun", NOUNS.values(), ids=NOUNS)
def test_a_noun_has_every_verb(noun: Noun):
    verbs = READING | WRITING | (NAMED_ELSEWHERE if noun.external else {})
    missing = {
        verb for verb, (method, rest) in verbs.items() if (method, f"/{noun.plural}{rest}") not in SERVED
    }
    assert missing == WITHOUT.get(noun.name, (set(), ""))[0]
    assert noun.external or noun.keys or "bulk" in missing, "nothing tells which record an item means"
