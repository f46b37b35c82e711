"""The order of a batch."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.waves import Name, waves

NAMES = st.lists(st.sampled_from([("sku", one) for one in "abcde"]), max_size=3, unique=True)
BATCHES = st.lists(NAMES, max_size=12)


def of_one_record(names: list[list[Name]]) -> list[set[int]]:
    """Places of the items that are one record, found by joining again and again."""
    groups: list[tuple[set[Name], set[int]]] = []
    for place, own in enumerate(names):
        met = [group for group in groups if group[0] & set(own)]
        groups = [group for group in groups if group not in met]
        groups.append((set(own).union(*(g[0] for g in met)), {place}.union(*(g[1] for g in met))))
    return [places for _, places in groups]


@given(BATCHES)
def test_every_item_goes_once_and_no_wave_holds_a_record_twice(names):
    found = waves(names)
    assert sorted(place for wave in found for place in wave) == list(range(len(names)))
    for places in of_one_record(names):
        assert all(len(places.intersection(wave)) <= 1 for wave in found)


@given(BATCHES)
def test_items_of_one_record_keep_their_order_and_none_waits_for_another_record(names):
    found = waves(names)
    assert all(wave == sorted(wave) for wave in found)
    turn = {place: number for number, wave in enumerate(found) for place in wave}
    for places in of_one_record(names):
        assert [turn[place] for place in sorted(places)] == list(range(len(places)))
