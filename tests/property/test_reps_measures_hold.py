"""Whatever a stream looks like, what is measured of its reps is finite, ordered and the same for a shifted clock."""

from dataclasses import astuple
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sledwatch.machine import MachineSpec
from sledwatch.reps import find_reps, measure
from spoilt_presses import few, lives, spoilt

PLATES = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0)


@few
@given(lives, st.integers(0, 2**16), st.booleans())
def test_measures_are_finite_and_in_order(samples, seed, causal):
    damaged = spoilt(samples, seed)
    spans = find_reps(*damaged)
    for rep in measure(*damaged, spans, PLATES, causal=causal):
        assert all(isfinite(figure) for figure in astuple(rep) if figure is not None)
        assert rep.start_us < rep.turn_us < rep.end_us
        assert rep.eccentric_s > 0
        assert rep.concentric_s > 0
        assert rep.bottom_dwell_s >= 0
        assert (rep.propulsive_s or 0) <= rep.concentric_s + 1e-6
        assert (rep.eccentric_peak_velocity_m_s or 0) >= 0
        assert (rep.turn_deceleration_m_s2 or 0) >= 0
        assert (rep.lockout_velocity_m_s or 0) <= (rep.peak_velocity_m_s or 0) + 1e-6
        assert 0 <= rep.eccentric_s + rep.bottom_dwell_s + rep.concentric_s <= 1e-6 * (rep.end_us - rep.start_us) + 1e-3


@few
@given(lives, st.integers(-(10**15), 10**15))
def test_another_time_changes_no_measure(samples, later_us):
    spans = find_reps(*samples)
    later = samples._replace(t_us=samples.t_us + later_us)
    here = measure(*samples, spans, PLATES)
    there = measure(*later, find_reps(*later), PLATES)
    for before, after in zip(here, there, strict=True):
        assert (after.concentric_s, after.work_j) == pytest.approx((before.concentric_s, before.work_j), rel=1e-3)
        assert abs(after.start_us - later_us - before.start_us) <= 2


@few
@given(lives)
def test_a_rep_measured_alone_is_as_measured_among_all(samples):
    spans = find_reps(*samples)
    together = measure(*samples, spans, PLATES)
    for span, rep in zip(spans, together, strict=True):
        (alone,) = measure(*samples, [span], PLATES)
        assert span.quality == "unsure" or rep.rom_mm > 0
        assert (rep.start_us, rep.end_us, rep.work_j) == (alone.start_us, alone.end_us, alone.work_j)
