"""What is compared of each noun is known on every floor: its words, the fields that it is made of, and its features."""

import pytest

from app.db.duplicates import OF
from app.domain.duplicates import FIELDS, reason
from app.usecases.duplicates.features import COMPARED


@pytest.mark.parametrize("noun", [*COMPARED])
def test_every_level_is_told_in_words_and_made_of_fields_that_the_noun_has(noun: str):
    assert COMPARED.keys() == OF.keys() == FIELDS.keys()
    compared = COMPARED[noun].linkage.compared
    assert {one.name for one in compared} == {*FIELDS[noun], "identity"}
    told = [reason(noun, one.name, level.name, 1.0) for one in compared for level in one.levels]
    assert len({each["en"] for each in told}) == len({each["zh"] for each in told}) == len(told)
    assert all(OF[noun].fields.keys() >= set(names) for names in FIELDS[noun].values())


@pytest.mark.parametrize("noun", [*COMPARED])
def test_what_holds_before_anything_is_learnt_adds_up(noun: str):
    for one in COMPARED[noun].linkage.compared:
        assert sum(level.m for level in one.levels) == pytest.approx(1, abs=0.02), one.name
        assert sum(level.u for level in one.levels) == pytest.approx(1, abs=0.05), one.name
