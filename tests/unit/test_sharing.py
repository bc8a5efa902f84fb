"""Two people on one badge: told from one person whose sets differ."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sledwatch.events import Rep
from sledwatch.findings.badge import badge_finding
from sledwatch.sharing import two_patterns


def reps(sets: Sequence[tuple[float, float]], *, a_set: int = 6, rack_mm: Sequence[float] = ()) -> list[Rep]:
    """A session by its sets: (depth in mm, load in kg); rack_mm: where the reps of each end."""
    noise = np.random.default_rng(7)
    tops = rack_mm or [10.0] * len(sets)
    found: list[Rep] = []
    for number, ((depth_mm, load_kg), top_mm) in enumerate(zip(sets, tops, strict=True), 1):
        for _ in range(a_set):
            at_us = 4_000_000 * len(found)
            bottom_mm = depth_mm + float(noise.normal(0, 4))
            rep = Rep(
                session="s-1",
                user="m-1",
                gym="north",
                machine="press-1",
                set=number,
                rep=len(found) + 1,
                t_start_us=at_us,
                t_turn_us=at_us + 1_500_000,
                t_end_us=at_us + 2_500_000,
                load_kg=load_kg,
                depth_mm=bottom_mm,
                rom_mm=bottom_mm - top_mm,
                eccentric_s=1.5,
                concentric_s=1.0,
            )
            found.append(rep)
    return found


SHARED = [(400.0, 160.0), (340.0, 100.0)] * 3


def test_two_who_take_turns_are_told_apart_set_by_set() -> None:
    found = two_patterns(reps(SHARED))
    assert found is not None
    assert ((1, 3, 5), (2, 4, 6), 5) == (found.first.sets, found.second.sets, found.turns)
    assert ("depth", "load") == found.tells
    assert (400, 340) == (round(found.first.depth_mm, -1), round(found.second.depth_mm, -1))


def test_two_of_one_strength_are_told_by_where_their_legs_are_long() -> None:
    sets = [(400.0, 120.0), (365.0, 120.0)] * 2
    assert two_patterns(reps(sets)) is None
    found = two_patterns(reps(sets, rack_mm=[8.0, 26.0] * 2))
    assert found is not None
    assert ("depth", "rack point") == found.tells


def test_a_gap_that_no_person_of_one_build_has_is_enough() -> None:
    found = two_patterns(reps([(400.0, 120.0), (330.0, 120.0)] * 2))
    assert found is not None
    assert ("depth",) == found.tells


@pytest.mark.parametrize(
    "sets",
    [
        pytest.param([(400.0, 100.0), (392.0, 160.0)] * 3, id="heavy and light in turns"),
        pytest.param([(400.0, 100.0), (380.0, 160.0)] * 3, id="shallower with every heavy set"),
        pytest.param([(340.0, 100.0)] * 3 + [(400.0, 160.0)] * 3, id="deeper from one set on"),
        pytest.param([(400.0, 160.0)] * 5 + [(330.0, 60.0)], id="one set unlike the others"),
        pytest.param([(330.0, 60.0)] + [(400.0, 160.0)] * 4 + [(330.0, 60.0)], id="warm-up and cool-down"),
        pytest.param([(390.0 + 6 * n, 120.0) for n in range(6)], id="deeper with every set"),
        pytest.param([(400.0, 120.0), (340.0, 80.0), (400.0, 120.0)], id="too few sets to say"),
    ],
)
def test_one_person_whose_sets_differ_is_one_person(sets: list[tuple[float, float]]) -> None:
    assert two_patterns(reps(sets)) is None


def test_unsure_reps_and_sets_of_two_say_nothing() -> None:
    assert two_patterns([replace(rep, quality="unsure", quality_reason="gap") for rep in reps(SHARED)]) is None
    assert two_patterns(reps(SHARED, a_set=2)) is None


def test_whoever_is_told_can_see_which_sets_and_what_to_do() -> None:
    found = two_patterns(reps(SHARED))
    assert found is not None
    finding = badge_finding(found, 99, "Ada")
    assert ("badge.shared", "warn", 99) == (finding.rule, finding.severity, finding.at_us)
    assert [[1, 3, 5], [2, 4, 6]] == [one["sets"] for one in finding.evidence["patterns"]]
    assert "sets 1, 3 and 5 to 399 mm at 160 kg" in finding.message
    assert "discard" in finding.advice
