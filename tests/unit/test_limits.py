"""Where a depth limit comes from, and what reps to failure say."""

import numpy as np
import pytest

from sledwatch.events import Setup
from sledwatch.limits import DepthLimit, SetLimit, brzycki, epley, is_light, own_history, resolve


def setup(notch: int, foot_row: int) -> Setup:
    return Setup(backrest_deg=30.0, notch=notch, foot_row=foot_row)


def limit(notch: int, foot_row: int, limit_mm: float, machine: str = "press-1") -> SetLimit:
    return SetLimit("north", machine, notch, foot_row, limit_mm, version=int(limit_mm))


KNOWN = [limit(4, 2, 400), limit(4, -1, 410), limit(-1, 2, 420), limit(-1, -1, 430), limit(4, 2, 300, "press-2")]


def resolved(known: list[SetLimit], here: Setup | None, notch_mm: float | None = 25.0) -> tuple[float, str] | None:
    found = resolve(known, "north", "press-1", here, notch_mm)
    return None if found is None else (found.limit_mm, found.tier)


@pytest.mark.parametrize(("notch", "row", "expected_mm"), [(4, 2, 400), (4, 1, 410), (3, 2, 420), (3, 1, 430)])
def test_the_limit_for_this_notch_and_row_goes_before_those_for_any(notch, row, expected_mm):
    assert (expected_mm, "calibrated") == resolved(KNOWN, setup(notch, row))


def test_a_notch_further_back_allows_as_much_more_travel():
    """Hip to footplate is reach + notch · pitch − travel: two notches of 25 mm more, 50 mm more travel."""
    assert (450.0, "transferred") == resolved([limit(4, 2, 400)], setup(6, 2))
    assert (350.0, "transferred") == resolved([limit(4, 2, 400)], setup(2, 2))


def test_the_nearest_notch_is_carried_over_and_of_two_the_stricter():
    assert (430.0, "transferred") == resolved([limit(1, 2, 500), limit(4, 2, 405)], setup(5, 2))
    assert (420.0, "transferred") == resolved([limit(4, -1, 400), limit(6, 2, 445)], setup(5, 2))


def test_nothing_is_carried_over_without_the_pitch_or_across_foot_rows():
    assert resolved([limit(4, 2, 400)], setup(5, 2), None) is None
    assert resolved([limit(4, 2, 400)], setup(5, 1)) is None
    assert resolved([limit(4, 2, 60)], setup(1, 2)) is None


def test_without_a_setup_only_a_limit_for_all_holds():
    assert (430.0, "calibrated") == resolved(KNOWN, None)
    assert resolved([limit(4, 2, 400)], None) is None


def test_another_machine_or_gym_says_nothing():
    assert resolved([limit(4, 2, 300, "press-2")], setup(4, 2)) is None
    assert resolve(KNOWN, "south", "press-1", setup(4, 2), 25.0) is None


def test_a_limit_keeps_the_version_it_comes_from():
    assert DepthLimit(425.0, "transferred", 400) == resolve([limit(4, 2, 400)], "north", "press-1", setup(5, 2), 25.0)


def test_caution_begins_20_mm_before_the_limit():
    assert 392.0 == DepthLimit(412.0, "calibrated", 1).caution_mm


def test_own_history_needs_20_reps():
    assert own_history([400.0] * 19 + [np.nan] * 5) is None


def test_unusual_is_past_the_median_by_25_mm_at_least():
    history = own_history([398.0, 400.0, 402.0, np.nan] * 7)
    assert history is not None
    assert (400.0, 21, 425.0) == (history.median_mm, history.reps, history.threshold_mm)


def test_unusual_is_past_three_robust_deviations_of_an_uneven_lifter():
    history = own_history([380.0, 390.0, 400.0, 410.0, 420.0] * 4)
    assert history is not None
    assert 400 + 3 * 1.4826 * 10 == pytest.approx(history.threshold_mm)


@pytest.mark.parametrize(
    ("load_kg", "reference_kg", "expected"), [(59.9, 200, True), (60, 200, False), (5, None, False)]
)
def test_less_than_30_percent_of_the_reference_is_light(load_kg, reference_kg, expected):
    assert expected == is_light(load_kg, reference_kg)


def test_strength_from_reps_to_failure():
    assert 100 * 36 / 32 == pytest.approx(brzycki(100, 5))
    assert 100 * (1 + 0.0333 * 5) == pytest.approx(epley(100, 5))
    assert (100, 100) == (brzycki(100, 1), epley(100, 1))


def test_more_than_ten_reps_say_nothing_of_strength():
    assert (None, None, None) == (brzycki(100, 11), epley(100, 11), brzycki(100, 37))


@pytest.mark.parametrize("formula", [brzycki, epley])
def test_no_reps_are_no_set(formula):
    with pytest.raises(ValueError, match="expected 1 or more"):
        formula(100, 0)
