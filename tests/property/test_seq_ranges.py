"""Ranges of sequence numbers behave as sets do."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sledwatch_storage.state import ranges

numbers = st.integers(0, 40)
spans = st.tuples(numbers, numbers).map(lambda span: (min(span), max(span)))


def as_set(found) -> set[int]:
    return {seq for low, high in found for seq in range(low, high + 1)}


def built(of) -> list[ranges.Range]:
    found: list[ranges.Range] = []
    for low, high in of:
        found = ranges.add(found, low, high)
    return found


@given(st.lists(spans))
def test_what_was_added_is_in_it_and_nothing_else(added):
    assert as_set(added) == as_set(built(added))


@given(st.lists(spans))
def test_ranges_are_sorted_and_apart(added):
    found = built(added)
    assert all(low <= high for low, high in found)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


@given(st.lists(spans), st.randoms())
def test_the_order_of_adding_does_not_matter(added, random):
    shuffled = added.copy()
    random.shuffle(shuffled)
    assert built(added) == built(shuffled)


@given(st.lists(spans), st.lists(spans))
def test_a_union_is_one(some, others):
    assert built(some + others) == ranges.union(built(some), built(others))


@given(st.lists(spans), spans)
def test_what_was_removed_is_not_in_it_and_the_rest_is(added, removed):
    found = ranges.remove(built(added), *removed)
    assert as_set(added) - as_set([removed]) == as_set(found)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


@given(st.lists(spans))
def test_its_size_is_how_many_are_in_it(added):
    assert len(as_set(added)) == ranges.size(built(added))


@given(st.lists(spans), numbers)
def test_contains_is_membership(added, seq):
    assert (seq in as_set(added)) == ranges.contains(built(added), seq)


@given(st.lists(spans), numbers, numbers)
def test_covers_is_the_subset(added, low, high):
    assert set(range(low, high + 1)).issubset(as_set(added)) == ranges.covers(built(added), low, high)


@given(st.lists(spans), st.integers(-1, 45), numbers)
def test_missing_is_the_difference(added, upto, from_):
    expected = set(range(from_, upto + 1)) - as_set(added)
    found = ranges.missing(built(added), upto, from_)
    assert expected == as_set(found)
    assert built(found) == found


@given(st.lists(spans))
def test_top_is_the_largest(added):
    assert max(as_set(added), default=-1) == ranges.top(built(added))


@given(st.lists(spans))
def test_json_gives_back_the_same(added):
    assert built(added) == ranges.read([list(span) for span in built(added)])


def test_a_range_backwards_is_none():
    with pytest.raises(ValueError, match="5 to 4"):
        ranges.add([], 5, 4)
