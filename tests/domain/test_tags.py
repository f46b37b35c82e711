"""A tag that takes another name."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.tags import replaced

NAMES = st.lists(st.sampled_from("abcdef"), unique=True)


@given(NAMES, st.sampled_from("abc"), st.sampled_from("def"))
def test_a_replaced_name_stands_where_the_old_one_stood_and_nothing_stands_twice(names, old, new):
    after = replaced(names, old, new)
    assert old not in after
    assert len(after) == len(set(after))
    assert set(after) == {new if name == old else name for name in names}
    assert [n for n in after if n not in {old, new}] == [n for n in names if n not in {old, new}]
    assert replaced(after, old, new) == after
