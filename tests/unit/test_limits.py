"""Where a depth limit comes from, and what reps to failure say."""

import numpy as np
import pytest

from presses import online
from sledwatch.events import Online, Setup
from sledwatch.limits import (
    DepthLimit,
    LimitBook,
    Moved,
    ReferenceLoad,
    SetLimit,
    estimated_hip_deg,
    is_light,
    is_near_empty,
    own_history,
    with_lifted,
)
from sledwatch.machine import LegFit, MachineSpec


def setup(notch: int, foot_row: int) -> Setup:
    return Setup(backrest_deg=30.0, notch=notch, foot_row=foot_row)


def limit(notch: int, foot_row: int, limit_mm: float, machine: str = "press-1") -> SetLimit:
    return SetLimit("north", machine, notch, foot_row, limit_mm, version=int(limit_mm))


KNOWN = [limit(4, 2, 400), limit(4, -1, 410), limit(-1, 2, 420), limit(-1, -1, 430), limit(4, 2, 300, "press-2")]


def machine(notch_mm: float | None = 25.0) -> Online:
    return online(reach_mm=None, notch_mm=notch_mm)


def resolved(known: list[SetLimit], here: Setup | None, notch_mm: float | None = 25.0) -> tuple[float, str] | None:
    found = LimitBook(tuple(known)).on("north", "press-1", machine(notch_mm), here).limit
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
    assert LimitBook(tuple(KNOWN)).on("south", "press-1", machine(), setup(4, 2)).limit is None


def test_a_limit_keeps_the_version_and_the_place_it_comes_from():
    found = LimitBook((limit(4, 2, 400),)).on("north", "press-1", machine(), setup(5, 2)).limit
    assert DepthLimit(425.0, "transferred", 400, None, Moved("north", "press-1", 4, 2, "pitch")) == found


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


def test_what_nearly_nobodys_hip_does_is_the_mean_and_two_deviations_with_the_error_of_the_estimate():
    assert (136.0, 146.0, 146.0) == (estimated_hip_deg("male"), estimated_hip_deg("female"), estimated_hip_deg(None))


def test_a_reference_is_what_is_known_or_what_was_lifted_today():
    e1rm = ReferenceLoad(150.0, "e1rm")
    assert [e1rm, ReferenceLoad(160.0, "best-load")] == [with_lifted(e1rm, [120.0]), with_lifted(e1rm, [160.0, 20.0])]
    assert [None, ReferenceLoad(20.0, "best-load")] == [with_lifted(None, []), with_lifted(None, [20.0])]
    assert (0.8, None) == (e1rm.share(120.0), ReferenceLoad(0.0, "best-load").share(10.0))


@pytest.mark.parametrize(
    ("expected", "load_kg", "reference_kg", "empty_kg"),
    [
        (True, 44.9, 150.0, None),
        (False, 45.0, 150.0, None),
        (True, 49.5, 150.0, 47.0),
        (False, 49.6, 150.0, 47.0),
        (True, 47.0, None, 47.0),
        (False, 90.0, None, 47.0),
        (None, 47.0, None, None),
    ],
)
def test_a_sled_is_near_empty_below_30_percent_or_by_itself(expected, load_kg, reference_kg, empty_kg):
    assert expected == is_near_empty(load_kg, reference_kg, empty_kg)


# Between machines, foot rows and backrests.

HEIGHT_MM = 1_750.0
INCLINE = online(boot="i")
SUPINE = online(boot="s", kind="supine", rail_deg=0.0, backrest_deg=15.0)
SEATED = online(boot="t", kind="seated", rail_deg=0.0, backrest_deg=65.0)
UPRIGHT = online(boot="u", kind="seated", rail_deg=0.0, backrest_deg=85.0)
SILENT = online(boot="q", reach_mm=None, notch_mm=None)


def book(*known: SetLimit, height_mm: float | None = HEIGHT_MM, **machines: Online) -> LimitBook:
    return LimitBook(known, height_mm, {("north", name.replace("_", "-")): one for name, one in machines.items()})


def hip_deg(machine: Online, here: Setup | None, depth_mm: float) -> float:
    fit = LegFit.of(MachineSpec.of(machine, here), here, HEIGHT_MM)
    angles = None if fit is None else fit.angles(depth_mm)
    assert angles is not None
    return angles.hip_deg


def on(kept: LimitBook, machine: Online, here: Setup | None, name: str = "press-1"):
    return kept.on("north", name, machine, here)


def test_another_machine_takes_the_limit_over_where_the_hip_is_bent_as_far():
    there = Setup(backrest_deg=65.0, notch=6, foot_row=2)
    found = on(book(limit(4, 2, 420), press_1=INCLINE), SEATED, there, "press-2").limit
    assert found is not None
    assert hip_deg(INCLINE, setup(4, 2), 420) == pytest.approx(hip_deg(SEATED, there, found.limit_mm))
    assert ("transferred", 420, Moved("north", "press-1", 4, 2, "geometry", "reach")) == (
        found.tier,
        found.version,
        found.moved,
    )
    # ± 10° of the hip are more than a hundred millimetres down there, and that is told.
    assert 100 < (found.error_mm or 0) < 170


@pytest.mark.parametrize("other", [SEATED, SILENT])
def test_a_limit_goes_there_and_back_to_what_it_was(other):
    there = Setup(other.backrest_deg, 4, 2)
    away = on(book(limit(4, 2, 380), press_1=INCLINE), other, there, "press-2").limit
    assert away is not None
    known = SetLimit("north", "press-2", 4, 2, away.limit_mm, 2, there)
    back = on(book(known, press_2=other), INCLINE, setup(4, 2)).limit
    assert back is not None
    assert 380 == pytest.approx(back.limit_mm)


def test_machines_that_state_their_reach_go_before_those_that_do_not_and_then_the_same_kind():
    known = [limit(4, 2, 300, "press-2"), limit(4, 2, 400, "press-3"), limit(4, 2, 420, "press-4")]
    kept = book(*known, press_2=SILENT, press_3=SEATED, press_4=INCLINE)
    assert (pytest.approx(420.0), "press-4") == _place(on(kept, INCLINE, setup(4, 2)))
    kept = book(*known[:2], press_2=SILENT, press_3=SEATED)
    assert "press-3" == _place(on(kept, INCLINE, setup(4, 2)))[1]


def _place(found):
    return found.limit.limit_mm, found.limit.moved.machine


def test_own_notches_go_before_other_machines():
    kept = book(limit(4, 2, 400), limit(5, 2, 300, "press-2"), press_2=INCLINE)
    assert (425.0, "press-1") == _place(on(kept, INCLINE, setup(5, 2)))


@pytest.mark.parametrize(
    ("why", "known", "height_mm", "machines", "here"),
    [
        ("height is not known", limit(4, 2, 420, "press-2"), None, {"press_2": INCLINE}, INCLINE),
        ("has not said what it is", limit(4, 2, 420, "press-2"), HEIGHT_MM, {}, INCLINE),
        ("further at the rack here", limit(4, 2, 400, "press-2"), HEIGHT_MM, {"press_2": SUPINE}, UPRIGHT),
        ("before a rep has begun", limit(4, 2, 150, "press-2"), HEIGHT_MM, {"press_2": INCLINE}, UPRIGHT),
        ("past the stops", limit(4, 2, 560, "press-2"), HEIGHT_MM, {"press_2": INCLINE}, SEATED),
        ("does not fit 900 mm", limit(4, 2, 900, "press-2"), HEIGHT_MM, {"press_2": INCLINE}, INCLINE),
    ],
)
def test_what_geometry_does_not_allow_is_refused_with_the_reason(why, known, height_mm, machines, here):
    found = on(book(known, height_mm=height_mm, **machines), here, Setup(here.backrest_deg, 4, 2))
    assert found.limit is None
    assert why in found.refused[0]
    assert found.refused[0].startswith("north/press-2, notch 4, foot row 2: ")


def test_to_a_machine_that_never_said_what_it_is_nothing_is_carried():
    found = book(limit(4, 2, 400), limit(4, 2, 420, "press-2"), press_2=INCLINE).on(
        "north", "press-1", None, setup(5, 2)
    )
    assert (None, "north/press-1 has not said what it is") == (found.limit, found.refused[0].split(",")[0])
    assert "calibrated" == book(limit(5, 2, 400)).on("north", "press-1", None, setup(5, 2)).limit.tier


def row(number: int, offset_mm: float, backrest_deg: float = 30.0) -> Setup:
    return Setup(backrest_deg, 4, number, offset_mm)


def found_in(there: Setup, limit_mm: float = 400.0) -> SetLimit:
    return SetLimit("north", "press-1", there.notch, there.foot_row, limit_mm, 7, there)


def test_foot_rows_of_known_offset_are_bridged_by_geometry():
    found = on(book(found_in(row(2, 0.0))), INCLINE, row(3, 80.0)).limit
    assert found is not None
    assert hip_deg(INCLINE, row(2, 0.0), 400) == pytest.approx(hip_deg(INCLINE, row(3, 80.0), found.limit_mm))
    assert found.limit_mm < 400  # feet set higher bend the hip earlier


@pytest.mark.parametrize(
    ("why", "known"),
    [
        ("how far its foot rows are apart", found_in(row(2, 0.0))),
        ("the setting it was found in is not on record", limit(4, 2, 400)),
    ],
)
def test_foot_rows_that_cannot_be_told_apart_are_not_bridged(why, known):
    found = on(book(known), INCLINE, row(3, 0.0))
    assert found.limit is None
    assert why in found.refused[0]


def test_a_notch_of_unknown_pitch_is_not_bridged_by_the_reference_either():
    known = found_in(Setup(30.0, 4, 2))
    found = on(book(known), SILENT, Setup(30.0, 6, 2))
    assert (None, True) == (found.limit, "what a notch adds" in found.refused[0])


def test_another_backrest_moves_the_limit_and_without_a_height_keeps_it_marked():
    known = found_in(row(2, 0.0))
    assert "calibrated" == on(book(known), INCLINE, row(2, 0.0, 31.0)).limit.tier
    steeper = on(book(known), INCLINE, row(2, 0.0, 40.0)).limit
    assert ("transferred", "geometry", True) == (steeper.tier, steeper.moved.by, steeper.limit_mm < 350)
    kept = on(book(known, height_mm=None), INCLINE, row(2, 0.0, 40.0)).limit
    assert (400.0, "transferred", "as-set") == (kept.limit_mm, kept.tier, kept.moved.by)
