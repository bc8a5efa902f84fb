"""A clinician's protocol: which window holds, what is outside it, and what is said of that."""

import json

import pytest

from histories import NOON_US, rep
from presses import online, setup
from sledwatch.events import Rep
from sledwatch.findings import Finding, protocol_finding
from sledwatch.limits import DepthLimit
from sledwatch.machine import LegFit, MachineSpec
from sledwatch.protocol import Cap, Protocol, Window, cap_of

LATER_US = NOON_US + 86_400_000_000
KNEE = Window("knee_deg", 20.0, 80.0)
DEPTH = Window("depth_mm", 150.0, 300.0, "riverside", "press-1")


def protocol(*windows: Window, cap_kg: float | None = None, expires_us: int = LATER_US) -> Protocol:
    return Protocol(windows, cap_kg, expires_us, version=2)


def judge(rules: Protocol, *reps: Rep, stop_mm: float | None = 240.0) -> Finding | None:
    return protocol_finding(reps, rules, "Mia", "riverside", "press-1", "reach", stop_mm)


def kneeling(*knees_deg: float | None, **fields: object) -> list[Rep]:
    return [rep(number, 200.0 + number, knee_deg=knee, **fields) for number, knee in enumerate(knees_deg, start=1)]


@pytest.mark.parametrize(
    ("expected", "knee_deg"), [(False, 20.0), (False, 80.0), (True, 80.1), (True, 19.9), (False, None)]
)
def test_a_knee_is_within_its_window_up_to_both_ends(expected: bool, knee_deg: float | None) -> None:
    assert expected == (judge(protocol(KNEE), *kneeling(knee_deg)) is not None)


@pytest.mark.parametrize(("expected", "depth_mm"), [(False, 150.0), (False, 300.0), (True, 300.1), (True, 149.9)])
def test_a_depth_is_within_its_window_up_to_both_ends(expected: bool, depth_mm: float) -> None:
    assert expected == (judge(protocol(DEPTH), rep(1, depth_mm)) is not None)


@pytest.mark.parametrize(("expected", "load_kg"), [(False, 90.0), (False, 90.5), (True, 90.6)])
def test_a_load_cap_forgives_half_a_kilogram(expected: bool, load_kg: float) -> None:
    assert expected == (judge(protocol(cap_kg=90.0), rep(1, 200.0, load_kg)) is not None)


def test_unsure_reps_never_count() -> None:
    assert judge(protocol(KNEE, cap_kg=50.0), *kneeling(120.0, quality="unsure")) is None


def test_what_comes_after_it_expired_is_not_judged() -> None:
    reps = kneeling(97.0, 97.0)
    assert judge(protocol(KNEE, expires_us=reps[0].t_turn_us), *reps) is None
    found = judge(protocol(KNEE, expires_us=reps[1].t_turn_us), *reps)
    assert found is not None
    assert (1, 1) == (found.count, found.evidence["reps_judged"])


def test_a_light_load_excuses_nothing() -> None:
    found = judge(protocol(KNEE), *kneeling(97.0, load_kg=10.0), rep(9, 200.0, 150.0, knee_deg=70.0))
    assert found is not None
    assert ("warn", 1) == (found.severity, found.count)


def test_a_breach_says_how_far_how_often_and_how_sure() -> None:
    found = judge(protocol(KNEE), *kneeling(70.0, 85.0, 97.0))
    assert found is not None
    assert (
        "Mia went outside the protocol twice in set 1: too deep, the knee bent to about 97° against at most 80°, "
        "17° beyond (estimated, more than its error of ± 10°)."
    ) == found.message
    assert found.advice.startswith("Raise the stop to about 240 mm (the end of the window): ")
    assert ("protocol.breach", "warn", None) == (found.rule, found.severity, found.limit_tier)
    assert "within its error of ± 10°" in (judge(protocol(KNEE), *kneeling(85.0)) or found).message


def test_everything_that_is_outside_is_told_at_once() -> None:
    rules = protocol(DEPTH, cap_kg=90.0)
    found = judge(rules, rep(1, 310.0, 80.0), rep(2, 200.0, 105.0), rep(3, 140.0, 80.0, in_set=2), rep(4, 320.0, 100.0))
    assert found is not None
    assert (
        "Mia went outside the protocol 4 times in sets 1 and 2: twice too deep, 320 mm against at most 300 mm, 20 mm "
        "beyond; once too shallow, 140 mm against at least 150 mm, 10 mm beyond; twice over the load cap, 105 kg "
        "against at most 90 kg, 15 kg over."
    ) == found.message
    assert ["too deep", "over the load cap", "too shallow", "too deep and over the load cap"] == [
        one["outside"] for one in found.evidence["reps"]
    ]
    expected = {
        "protocol_version": 2,
        "depth_most_mm": 300.0,
        "depth_deepest_mm": 320.0,
        "depth_over_mm": 20.0,
        "reps_depth_too_deep": 2,
        "depth_least_mm": 150.0,
        "depth_shallowest_mm": 140.0,
        "depth_short_mm": 10.0,
        "load_cap_kg": 90.0,
        "load_kg": 105.0,
        "over_kg": 15.0,
        "reps_over_load_cap": 2,
    }
    assert expected == {name: found.evidence[name] for name in expected}
    assert found.evidence == json.loads(json.dumps(found.evidence, allow_nan=False))
    assert (NOON_US + 4_000_000, NOON_US + 16_000_000) == (found.at_us, found.last_us)


def test_a_machines_own_window_goes_before_the_one_for_any() -> None:
    own = Window("knee_deg", None, 95.0, "riverside", "press-1")
    rules = protocol(KNEE, own, DEPTH)
    assert {own, DEPTH} == set(rules.windows_on("riverside", "press-1"))
    assert (KNEE,) == rules.windows_on("riverside", "press-2")
    assert (KNEE,) == rules.windows_on("south", "press-1")


def test_windows_end_at_a_depth_the_smaller_of_two() -> None:
    fit = LegFit.of(MachineSpec.of(online(reach_mm=None), setup()), setup(), 1_750.0)
    rules = protocol(KNEE, DEPTH)
    assert 199 == pytest.approx(rules.deepest_mm("riverside", "press-1", fit), abs=0.6)
    assert 300.0 == rules.deepest_mm("riverside", "press-1", None)
    assert protocol(KNEE).deepest_mm("riverside", "press-1", None) is None
    assert protocol(Window("knee_deg", 20.0, None)).deepest_mm("riverside", "press-1", fit) is None
    # Bent further at the rack already: the machine is to warn from the first millimetre on.
    assert 0.0 == protocol(Window("knee_deg", None, 3.0)).deepest_mm("riverside", "press-1", fit)


CALIBRATED = DepthLimit(412.0, "calibrated", 1)


@pytest.mark.parametrize(
    ("expected", "limit", "ends_mm"),
    [
        (None, None, None),
        (Cap(412.0, CALIBRATED), CALIBRATED, None),
        (Cap(412.0, CALIBRATED), CALIBRATED, 412.0),
        (Cap(300.0, None), CALIBRATED, 300.0),
        (Cap(300.0, None), None, 300.0),
        (None, DepthLimit(412.0, "estimated", 0), None),
    ],
)
def test_a_machine_is_told_the_smaller_and_never_an_estimate(
    expected: Cap | None, limit: DepthLimit | None, ends_mm: float | None
) -> None:
    assert expected == cap_of(limit, ends_mm)


def test_caution_begins_20_mm_before_the_cap() -> None:
    assert 280.0 == Cap(300.0, None).caution_mm
