"""A tag that takes another name."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import RuleBroken
from app.domain.tags import check_meant, check_settled, replaced

NAMES = st.lists(st.sampled_from("abcdef"), unique=True)


@given(NAMES, st.sampled_from("abc"), st.sampled_from("def"))
def test_a_replaced_name_stands_where_the_old_one_stood_and_nothing_stands_twice(names, old, new):
    after = replaced(names, old, new)
    assert old not in after
    assert len(after) == len(set(after))
    assert set(after) == {new if name == old else name for name in names}
    assert [n for n in after if n not in {old, new}] == [n for n in names if n not in {old, new}]
    assert replaced(after, old, new) == after


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("def")), max_size=2), NAMES)
def test_no_name_is_taken_that_records_are_on_their_way_from_or_to(renames, names):
    runs = [{"id": number, "params": {"old": old, "new": new}} for number, (old, new) in enumerate(renames)]
    moving = {name for pair in renames for name in pair}
    if moving.isdisjoint(names):
        check_settled(runs, *names)
        return
    with pytest.raises(RuleBroken) as refused:
        check_settled(runs, *names)
    assert refused.value.code == "rename_under_way"
    assert not set(renames[refused.value.facts["run"]]).isdisjoint(names)


ASKED = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = ASKED + timedelta(days=1)
TAG = {"name": "b", "archived_at": None}


@pytest.mark.parametrize(
    ("former", "tag", "name"),
    [
        (None, TAG, None),
        ({"name": "a", "archived_at": ASKED}, TAG, None),
        ({"name": "a", "archived_at": None}, TAG, "a"),
        ({"name": "a", "archived_at": LATER}, TAG, "a"),
        (None, {"name": "c", "archived_at": None}, "b"),
        (None, {"name": "b", "archived_at": LATER}, "b"),
    ],
    ids=["free", "joined", "made anew", "restored and archived", "renamed again", "put away"],
)
def test_a_rename_goes_on_only_while_its_names_mean_what_they_meant(former, tag, name):
    rename = {"params": {"old": "a", "new": "b"}, "created_at": ASKED}
    if name is None:
        check_meant(rename, former, tag)
        return
    with pytest.raises(RuleBroken, match=f"tag '{name}' means") as refused:
        check_meant(rename, former, tag)
    assert refused.value.code == "rename_outdated"
