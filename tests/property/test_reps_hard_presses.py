"""Reps of hard sets, seen by good sensors and bad ones: found once, with their bottoms, or marked unsure."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hard_presses import Outcome, Sensor, hard_movement, outcome
from sledwatch.reps import RepTracker, find_reps
from spoilt_presses import few

FAULTLESS = {
    "30 Hz": Sensor(30, 0.1, 0.5),
    "50 Hz": Sensor(50, 0.3, 0.5),
    "uneven clock": Sensor(50, 0.3, 0.5, jitter=0.6),
    "200 Hz": Sensor(200, 0.5, 0.5),
    "1000 Hz": Sensor(1_000, 0.3, 0.5),
    "zero far off": Sensor(50, 0.3, 0.5, zero_mm=-300),
    "drifting zero": Sensor(50, 0.3, 0.5, drift_mm_per_h=600),
}
# And how far a bottom of quality ok may be off: 95 of 100, and any.
SPOILT = {
    "10 Hz": (Sensor(10, 0.3, 0.5), 2.0, 6.0),
    "noise": (Sensor(50, 1.2, 2.0), 2.6, 4.0),
    "coarse steps": (Sensor(50, 0.5, 5.0), 3.0, 4.0),
    "missing samples": (Sensor(50, 0.5, 0.5, jitter=0.3, missing=0.3), 2.0, 6.0),
    "gaps": (Sensor(50, 0.5, 0.5, gaps=4), 2.0, 2.0),
    "spikes": (Sensor(50, 0.3, 0.5, spikes=0.02), 2.0, 2.0),
    "spikes at 10 Hz": (Sensor(10, 0.3, 0.5, spikes=0.02), 2.0, 6.0),
    "bursts": (Sensor(100, 0.3, 0.5, bursts=6), 2.0, 4.0),
    "stuck": (Sensor(50, 0.3, 0.5, stuck=4), 2.0, 2.0),
    "slips": (Sensor(50, 0.3, 0.5, slips=3), 2.0, 25.0),
    "everything": (Sensor(100, 1.0, 1.0, jitter=0.5, missing=0.1, gaps=2, spikes=0.01, bursts=2), 2.2, 4.0),
}


def outcome_of(sensor: Sensor, sessions: int) -> Outcome:
    outcomes = []
    for seed in range(sessions):
        movement = hard_movement(seed)
        seen = sensor.see(movement, seed)
        outcomes.append(outcome(movement, seen, find_reps(*seen.samples)))
    return reduce(Outcome.plus, outcomes)


@pytest.mark.parametrize("sensor", FAULTLESS.values(), ids=FAULTLESS)
def test_a_faultless_sensor_shows_every_rep_and_nothing_else(sensor):
    result = outcome_of(sensor, sessions=12)
    assert (result.true, result.true, 0, 0) == (len(result.wrong_mm), result.right, result.wrong, result.unsure)
    assert max(np.abs(result.wrong_mm)) < 2.0


@pytest.mark.parametrize(("sensor", "usual_mm", "most_mm"), SPOILT.values(), ids=SPOILT)
def test_a_spoilt_sensor_hides_only_what_it_does_not_show(sensor, usual_mm, most_mm):
    result = outcome_of(sensor, sessions=12)
    assert min(result.precision, result.recall) >= 0.99
    assert np.percentile(np.abs(result.wrong_mm), 95) < usual_mm
    assert max(np.abs(result.wrong_mm)) < most_mm


@few
@given(st.integers(0, 2**20), st.sampled_from([each for each, *_ in SPOILT.values()]), st.integers(1, 300))
def test_live_and_in_bulk_the_reps_are_the_same_to_the_bit(seed, sensor, size):
    samples = sensor.see(hard_movement(seed, sets=1), seed).samples
    tracker = RepTracker()
    live = [span for i in range(0, len(samples.t_us), size) for span in tracker.push(*samples.part(i, i + size))]
    assert find_reps(*samples) == live + tracker.finish()
