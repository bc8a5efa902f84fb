"""What is said of technique: one note a rule, at loads that matter, with the worst rep and something to do."""

from typing import Any

import pytest

from histories import NOON_US, rep
from sledwatch.events import Rep
from sledwatch.findings import Finding, technique_findings
from sledwatch.limits import ReferenceLoad

E1RM = ReferenceLoad(200.0, "e1rm")


def judged(reps: list[Rep], reference: ReferenceLoad | None = E1RM) -> dict[str, Finding]:
    findings = technique_findings(reps, reference, "Ada")
    found = {finding.rule: finding for finding in findings}
    assert len(findings) == len(found)
    return found


def bounced(number: int, m_s2: float = 12.0, **fields: Any) -> Rep:
    return rep(number, 380.0, turn_deceleration_m_s2=m_s2, bottom_dwell_s=0.0, **fields)


def test_bounces_of_a_session_are_one_note_with_the_hardest_of_them():
    found = judged([bounced(1), rep(2, 380.0), bounced(3, 14.26, in_set=2), bounced(4, in_set=2)])["technique.bounce"]
    assert ("note", 3, 2, None) == (found.severity, found.count, found.set, found.limit_tier)
    assert (NOON_US + 4_000_000, NOON_US + 16_000_000) == (found.at_us, found.last_us)
    assert found.message == (
        "Ada bounced out of the bottom 3 times in sets 1 and 2: braked by 14.3 m/s² at the most, against 10, "
        "at 120 kg (60 % of e1RM, 200 kg)."
    )
    assert (14.26, 3, [1, 2], 4) == tuple(
        found.evidence[name] for name in ("turn_deceleration_m_s2", "worst_rep", "sets", "reps_judged")
    )
    assert [1, 3, 4] == [one["rep"] for one in found.evidence["reps"]]


def test_one_bounce_is_a_slip_and_one_dropped_sled_is_told():
    assert {} == judged([bounced(1), *(rep(number, 380.0) for number in range(2, 9))])
    dropped = judged([rep(1, 380.0, eccentric_peak_velocity_m_s=1.31)])["technique.dropped"]
    assert "let the sled drop once in set 1: down at 1.31 m/s at the most, against 1.2," in dropped.message


def test_a_sled_that_the_stops_met_was_dropped():
    met = judged([rep(1, 600.0, turn_deceleration_m_s2=21.0, bottom_dwell_s=0.6, eccentric_peak_velocity_m_s=0.9)])
    assert ["technique.dropped"] == list(met)
    assert "met by the stops, 21 m/s² at the most," in met["technique.dropped"].message


def test_pushing_into_straight_legs_is_told_from_the_second_time_on():
    locked = [rep(number, 380.0, lockout_velocity_m_s=0.5, propulsive_s=0.9) for number in (1, 2)]
    assert {} == judged(locked[:1])
    assert "0.50 m/s within 20 mm of the top" in judged(locked)["technique.lock-out"].message


@pytest.mark.parametrize(("load_kg", "rules"), [(59.0, []), (61.0, ["technique.bounce"])])
def test_how_a_light_sled_is_moved_is_nobodys_concern(load_kg, rules):
    assert rules == list(judged([bounced(number, load_kg=load_kg) for number in range(1, 9)]))


def test_the_best_load_of_the_session_is_the_reference_where_none_is_known():
    light = [bounced(number, load_kg=40.0) for number in range(1, 9)]
    assert ["technique.bounce"] == list(judged(light, None))
    assert [] == list(judged([*light, rep(9, 380.0, load_kg=140.0)], None))


def test_unsure_reps_raise_nothing():
    assert {} == judged([bounced(number, quality="unsure", quality_reason="gap") for number in range(1, 9)])
    assert {} == judged([])


def test_the_leg_that_presses_less_is_named_with_the_persons_own_variability():
    reps = [rep(number, 380.0, left_n=500.0, right_n=420.0 + number, asymmetry_pct=15.0) for number in range(1, 7)]
    found = judged(reps)["technique.asymmetry"]
    assert ("One leg presses much less", 6) == (found.title, found.count)
    assert "less with the right leg: 15 % over 6 reps, which vary by 0 %" in found.message
    assert ("right", True, 0.4) == tuple(found.evidence[name] for name in ("weaker", "strong", "own_variability_pct"))


def test_sets_that_get_deeper_and_slower_are_one_note_with_the_one_that_did_most():
    def tiring(first: int, in_set: int, step_mm: float) -> list[Rep]:
        return [
            rep(
                first + n,
                360.0 + step_mm * n,
                in_set=in_set,
                velocity_loss_pct=8.0 * n,
                mean_velocity_m_s=0.5 - 0.04 * n,
            )
            for n in range(5)
        ]

    found = judged([*tiring(1, 1, 6.0), *tiring(6, 2, 9.0), *tiring(11, 3, 0.0)])["technique.fatigue"]
    assert (2, 2) == (found.count, found.set)
    assert "deeper and slower together in sets 1 and 2: by 36 mm and 32 % over 5 reps at 120 kg" in found.message
    assert [(1, 24.0), (2, 36.0)] == [(one["set"], one["deeper_mm"]) for one in found.evidence["trends"]]


def test_every_note_ends_in_something_to_do():
    wild = {"turn_deceleration_m_s2": 12.0, "bottom_dwell_s": 0.0, "eccentric_peak_velocity_m_s": 1.5, "left_n": 400.0,
            "right_n": 500.0, "asymmetry_pct": 20.0, "lockout_velocity_m_s": 0.5, "propulsive_s": 0.9}  # fmt: skip
    reps = [rep(n, 360.0 + 9 * n, velocity_loss_pct=8.0 * n, mean_velocity_m_s=0.5, **wild) for n in range(1, 7)]
    found = judged(reps)
    assert {f"technique.{name}" for name in ("bounce", "dropped", "lock-out", "asymmetry", "fatigue")} == set(found)
    assert all(len(finding.advice) > 40 and "injur" not in finding.advice for finding in found.values())
