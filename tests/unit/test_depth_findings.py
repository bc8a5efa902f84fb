"""Depth against a calibrated limit and against one's own habit: what is said, how loudly, and with which figures."""

import json

import pytest

from histories import NOON_US, rep
from sledwatch.events import Rep, Tier
from sledwatch.findings import Body, Finding, depth_findings, excessive
from sledwatch.limits import DepthLimit, Moved, OwnHistory, ReferenceLoad, Sex
from sledwatch.strength import reference_load

LIMIT = DepthLimit(412.0, "calibrated", version=3)
USUAL = OwnHistory(median_mm=370.0, mad_mm=5.0, reps=40)


def judge(
    *reps: Rep,
    limit: DepthLimit | None = LIMIT,
    own: OwnHistory | None = None,
    reference_kg: float | None = 150.0,
    reference: ReferenceLoad | None = None,
    body: Body | None = None,
) -> dict[str, Finding]:
    found = depth_findings(reps, limit, own, reference or reference_load(None, reference_kg), "Mia", "Press 1", body)
    by_rule = {finding.rule: finding for finding in found}
    assert len(by_rule) == len(found)
    return by_rule


def severities(found: dict[str, Finding]) -> dict[str, str]:
    return {rule: finding.severity for rule, finding in found.items()}


def reps_at(*depths_mm: float, **fields: object) -> list[Rep]:
    return [rep(number, depth_mm, **fields) for number, depth_mm in enumerate(depths_mm, start=1)]


@pytest.mark.parametrize(
    ("expected", "over_mm"),
    [
        (False, []),
        (False, [0.0, 0.0, -3.0]),
        (False, [30.0]),
        (True, [30.001]),
        (False, [5.0, -1.0, 0.0]),
        (True, [0.001, -20.0, 0.001]),
    ],
)
def test_a_set_is_excessive_with_two_reps_past_the_limit_or_one_far_past(expected: bool, over_mm: list[float]) -> None:
    assert expected == excessive(over_mm)


def test_two_reps_of_a_set_past_the_limit_are_one_alert() -> None:
    finding = judge(*reps_at(400, 418, 405, 431, 409))["depth.excessive"]
    assert ("alert", 2, 1, "calibrated") == (finding.severity, finding.count, finding.set, finding.limit_tier)


def test_an_alert_says_what_happened_with_figures() -> None:
    reps = reps_at(400, 418, 405, 431, bottom_dwell_s=0.42)
    assert (
        "Mia went past the depth limit twice in set 1: deepest 431 mm against 412 mm, 19 mm beyond, at 120 kg (80 % of "
        "the best load, 150 kg), 0.4 s at the bottom." == judge(*reps)["depth.excessive"].message
    )


def test_two_depths_that_differ_never_read_the_same() -> None:
    assert "deepest 412.3 mm against 412.0 mm" in judge(*reps_at(412.3, 412.2))["depth.excessive"].message


@pytest.mark.parametrize(
    ("told", "deepest_mm"),
    [
        ("431 mm against 412 mm, 19 mm beyond", 430.6),
        ("430 mm against 412 mm, 18 mm beyond", 430.4),
        ("412.7 mm against 412.0 mm, 0.7 mm beyond", 412.7),
    ],
)
def test_how_far_beyond_is_what_the_two_depths_told_make(told: str, deepest_mm: float) -> None:
    assert told in judge(*reps_at(412.3, deepest_mm))["depth.excessive"].message


def test_whoever_subtracts_the_depths_told_finds_the_same() -> None:
    finding = depth_findings(reps_at(343.5, 343.45), DepthLimit(311.4, "calibrated", 1), None, None, "Mia", "press-1")[
        0
    ]
    assert "344 mm against 311 mm, 33 mm beyond" in finding.message


def test_an_alert_shows_its_arithmetic() -> None:
    evidence = judge(*reps_at(400, 418, 405, 431, bottom_dwell_s=0.42))["depth.excessive"].evidence
    expected = {
        "limit_mm": 412.0,
        "caution_mm": 392.0,
        "limit_version": 3,
        "deepest_mm": 431.0,
        "over_mm": 19.0,
        "reps_over": 2,
        "sets_excessive": [1],
        "set": 1,
        "rep": 4,
        "load_kg": 120.0,
        "reference_load_kg": 150.0,
        "reference_basis": "best-load",
        "load_share": 0.8,
        "bottom_dwell_s": 0.42,
        "reps_judged": 4,
    }
    assert expected == {name: evidence[name] for name in expected}
    assert evidence == json.loads(json.dumps(evidence, allow_nan=False))


def test_the_rule_is_met_at_the_rep_that_completes_it() -> None:
    finding = judge(*reps_at(418, 400, 419, 400, 420))["depth.excessive"]
    assert (NOON_US + 3 * 4_000_000, NOON_US + 5 * 4_000_000) == (finding.at_us, finding.last_us)


def test_one_rep_in_each_of_two_sets_is_not_excessive() -> None:
    found = judge(rep(1, 420), rep(2, 420, in_set=2))
    assert {"depth.caution": "note"} == severities(found)


def test_reps_of_other_sets_count_once_the_rule_is_met() -> None:
    finding = judge(rep(1, 420), rep(2, 425), rep(3, 420, in_set=2))["depth.excessive"]
    assert (3, [1], "in sets 1 and 2") == (
        finding.count,
        finding.evidence["sets_excessive"],
        finding.message[finding.message.index("in sets") : finding.message.index(":")],
    )


def test_unsure_reps_never_raise_an_alert_alone() -> None:
    found = judge(rep(1, 420), rep(2, 460, quality="unsure"), rep(3, 430, quality="unsure"))
    assert {"depth.caution": "note"} == severities(found)


def test_unsure_reps_are_evidence_beside_sure_ones() -> None:
    finding = judge(rep(1, 420), rep(2, 425), rep(3, 480, quality="unsure"))["depth.excessive"]
    assert (2, 1, 425.0) == (finding.count, finding.evidence["reps_over_unsure"], finding.evidence["deepest_mm"])


@pytest.mark.parametrize(("severity", "load_kg"), [("note", 44.9), ("alert", 45.0)])
def test_below_30_percent_of_the_reference_load_depth_is_a_note(severity: str, load_kg: float) -> None:
    assert severity == judge(*reps_at(420, 450, load_kg=load_kg))["depth.excessive"].severity


def test_without_a_reference_the_best_load_of_the_session_takes_its_place() -> None:
    found = judge(rep(1, 450, 20.0), rep(2, 380, 100.0, in_set=2), reference_kg=None)
    assert ("note", 100.0) == (
        found["depth.excessive"].severity,
        found["depth.excessive"].evidence["reference_load_kg"],
    )


def test_an_unsure_load_is_no_reference() -> None:
    found = judge(*reps_at(420, 450), rep(3, 380, 1_400.0, quality="unsure"), reference_kg=None)
    assert "alert" == found["depth.excessive"].severity


def test_a_warm_up_does_not_hide_a_heavy_set() -> None:
    found = judge(rep(1, 450, 20.0), rep(2, 420, in_set=2), rep(3, 425, in_set=2))
    finding = found["depth.excessive"]
    assert ("alert", 2, 1) == (finding.severity, finding.count, finding.evidence["reps_over_light_load"])


def test_a_light_note_says_that_the_load_was_light() -> None:
    assert "20 kg, a light load (13 % of the best load, 150 kg)" in judge(rep(1, 450, 20.0))["depth.excessive"].message


@pytest.mark.parametrize(("close", "depth_mm"), [(False, 391.9), (True, 392.0), (True, 412.0), (True, 442.0)])
def test_caution_begins_20_mm_before_the_limit_and_ends_where_depth_is_excessive(close: bool, depth_mm: float) -> None:
    assert close == ("depth.caution" in judge(*reps_at(300, depth_mm)))


def test_excessive_depth_leaves_no_caution_beside_it() -> None:
    assert {"depth.excessive": "alert"} == severities(judge(rep(1, 400), rep(2, 450), rep(3, 400, in_set=2)))


@pytest.mark.parametrize("tier", ["estimated", "own-history"])
def test_only_a_calibrated_limit_says_excessive(tier: Tier) -> None:
    assert {} == judge(*reps_at(450, 460), limit=DepthLimit(412.0, tier, version=0))


def test_a_transferred_limit_asks_to_be_checked() -> None:
    finding = judge(*reps_at(420, 425), limit=DepthLimit(412.0, "transferred", version=1))["depth.excessive"]
    assert ("transferred", True) == (finding.limit_tier, "check it" in finding.advice)


def test_depth_late_in_a_set_asks_to_cut_the_set() -> None:
    assert "Cut the set" in judge(*reps_at(390, 395, 400, 405, 415, 420))["depth.excessive"].advice


def test_depth_in_several_sets_offers_another_exercise() -> None:
    reps = [rep(number, 420, in_set=1 + number // 3) for number in range(6)]
    assert "hack squat" in judge(*reps)["depth.excessive"].advice


def test_deeper_than_ones_own_habit_is_a_note() -> None:
    finding = judge(*reps_at(380, 396), limit=None, own=USUAL)["depth.unusual"]
    assert ("note", 1, "own-history", 395.0) == (
        finding.severity,
        finding.count,
        finding.limit_tier,
        finding.evidence["threshold_mm"],
    )


@pytest.mark.parametrize("reps", [reps_at(395.0), reps_at(450, quality="unsure"), []])
def test_within_the_habit_or_unsure_is_nothing(reps: list[Rep]) -> None:
    assert {} == judge(*reps, limit=None, own=USUAL)


def test_a_depth_that_was_told_is_not_told_again_as_unusual() -> None:
    assert {"depth.caution": "note"} == severities(judge(*reps_at(400), own=USUAL))


def test_unusual_depth_short_of_the_limit_is_still_told() -> None:
    usual = OwnHistory(median_mm=340.0, mad_mm=5.0, reps=40)
    assert {"depth.unusual": "note"} == severities(judge(*reps_at(380), own=usual))


def test_without_limit_and_history_there_is_nothing_to_say() -> None:
    assert {} == judge(*reps_at(900, 900), limit=None)


def test_the_load_is_told_against_the_e1rm_where_that_is_known() -> None:
    finding = judge(*reps_at(420, 425), reference=ReferenceLoad(160.0, "e1rm"))["depth.excessive"]
    assert "at 120 kg (75 % of e1RM, 160 kg)" in finding.message
    assert ("e1rm", 0.75) == (finding.evidence["reference_basis"], finding.evidence["load_share"])


def test_an_e1rm_that_rests_on_what_was_not_measured_is_told_as_a_guess() -> None:
    message = judge(*reps_at(420, 425), reference=ReferenceLoad(160.4, "e1rm-guess"))["depth.excessive"].message
    assert "at 120 kg (75 % of e1RM, a guess of 160 kg)" in message


def test_who_lifts_more_than_their_e1rm_has_a_new_best_load() -> None:
    finding = judge(*reps_at(420, 425), reference=ReferenceLoad(100.0, "e1rm"))["depth.excessive"]
    assert "at 120 kg (100 % of the best load, 120 kg)" in finding.message


def test_a_transferred_limit_says_from_where_how_and_how_sure_it_is() -> None:
    moved = Moved("north", "press-9", 4, 2, "geometry", "reach")
    limit = DepthLimit(412.0, "transferred", 1, 106.3, moved)
    near = judge(*reps_at(420, 425), limit=limit)["depth.excessive"]
    far = judge(*reps_at(520, 525), limit=limit)["depth.excessive"]
    told = "The limit is transferred from press-9, notch 4 by geometry (the hip bent as far), ± 106 mm"
    assert near.message.endswith(f"{told}, and it was passed by less than that.")
    assert far.message.endswith(f"{told}.")
    assert "Beyond a transferred limit" == near.title
    assert ("north/press-9", "geometry", 106, "reach") == tuple(
        near.evidence[name] for name in ("limit_from", "limit_moved_by", "limit_error_mm", "angle_basis")
    )


def bent(*hips_deg: float, **fields: object) -> list[Rep]:
    return [rep(number, 400.0 + number, hip_deg=hip, **fields) for number, hip in enumerate(hips_deg, start=1)]


@pytest.mark.parametrize(
    ("sex", "expected", "hip_deg"),
    [
        ("male", False, 136.0),
        ("male", True, 136.1),
        ("female", False, 146.0),
        ("female", True, 146.1),
        (None, False, 146.0),
        (None, True, 146.1),
    ],
)
def test_a_hip_bent_further_than_nearly_everybodys_is_a_note(sex: Sex | None, expected: bool, hip_deg: float) -> None:
    found = judge(*bent(120.0, hip_deg), limit=None, body=Body(sex, "reach"))
    assert ({"depth.estimated": "note"} if expected else {}) == severities(found)


def test_the_estimate_tells_its_error_and_asks_to_calibrate() -> None:
    finding = judge(*bent(150.2, 141.0, 120.0), limit=None, body=Body("male", "reference"))["depth.estimated"]
    assert (
        "Mia went deeper than nearly everybody can go without the pelvis rolling, as far as can be estimated, twice in "
        "set 1: the hip bent to about 141° (± 10°) against 136°, 402 mm deep at 120 kg (80 % of the best load, 150 "
        "kg). Note: the machine does not say how far its footplate is."
    ) == finding.message
    assert finding.advice.startswith("Calibrate: on Press 1, let the near-empty sled down")
    assert ("estimated", 2, 136.0, 10.0, "reference") == (
        finding.limit_tier,
        finding.count,
        *(finding.evidence[name] for name in ("hip_threshold_deg", "angle_error_deg", "angle_basis")),
    )


@pytest.mark.parametrize("tier", ["calibrated", "transferred"])
def test_whoever_has_a_limit_hears_of_no_estimate(tier: Tier) -> None:
    assert {} == judge(*bent(170.0), limit=DepthLimit(600.0, tier, 1), body=Body("male", "reach"))


def test_an_estimate_never_alerts_however_far_and_heavy() -> None:
    assert {"depth.estimated": "note"} == severities(
        judge(*bent(170.0, 175.0, 179.0), limit=None, body=Body("male", "reach"))
    )


def test_without_a_height_or_a_sure_rep_there_is_no_estimate() -> None:
    reps = [rep(1, 500.0), *bent(170.0, quality="unsure")]
    assert {} == judge(*reps, limit=None, body=Body("male", "reach"))
