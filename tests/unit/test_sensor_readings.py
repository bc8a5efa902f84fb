"""What a session's samples say of the sensors that took them: faults as they are, and none where people are odd."""

from typing import Any

import numpy as np
import pytest

from odd_habits import odd_session
from pressing import START_US, Press, Samples
from sledwatch.reps import find_reps
from sledwatch.sensors import SensorReading, read_sensors

RACK_MM = 4.0
BOTTOMS = (380.0, 390.0, 400.0, 385.0)
RATES_HZ = (10.0, 30.0, 50.0, 200.0)


def pressing(sets: int = 2) -> Press:
    press = Press(((0.0, RACK_MM),)).rest(8.0)
    for _ in range(sets):
        press = press.reps(BOTTOMS, top_mm=12.0).to(RACK_MM, 0.8).rest(20.0)
    return press


def read(samples: Samples) -> SensorReading:
    return read_sensors(*samples, find_reps(*samples))


def seen(**how: Any) -> Samples:
    usual: dict[str, Any] = {"noise_mm": 0.3, "step_mm": 0.5}
    return pressing().samples(**(usual | how))


def held(samples: Samples, from_s: float, to_s: float) -> Samples:
    """The encoder shows what it showed last, from one second to another."""
    first, last = np.searchsorted(samples.t_us - START_US, [from_s * 1e6, to_s * 1e6])
    depths = samples.depth_mm.copy()
    depths[first:last] = depths[first - 1]
    return samples._replace(depth_mm=depths)


def test_a_sound_sensor_shows_where_the_rack_is_and_how_well_it_sees():
    reading = read(seen())

    assert (8, 0, 0, 0.0) == (reading.reps, len(reading.stuck), len(reading.slips), reading.creep_mm)
    assert [RACK_MM, RACK_MM] == pytest.approx([reading.rack_start_mm, reading.rack_end_mm], abs=0.5)
    assert (0.5, 50.0) == (reading.step_mm, pytest.approx(reading.rate_hz, abs=0.1))
    # What rounding to steps adds to the noise: step / √12.
    assert (0.3**2 + 0.5**2 / 12) ** 0.5 == pytest.approx(reading.noise_mm, rel=0.25)


@pytest.mark.parametrize("noise_mm", [0.0, 1.0, 5.0])
def test_noise_is_told_by_its_standard_deviation(noise_mm):
    assert noise_mm == pytest.approx(read(seen(noise_mm=noise_mm, step_mm=0.0)).noise_mm, rel=0.2, abs=0.01)


@pytest.mark.parametrize("rate_hz", [50.0, 200.0])
def test_an_encoder_that_stands_while_the_sled_moves_was_stuck(rate_hz):
    (fault,) = read(held(seen(rate_hz=rate_hz), 10.0, 17.0)).stuck
    assert 7.0 == pytest.approx(fault.seconds, abs=0.1)


def test_a_silent_encoder_on_a_sled_that_rests_is_not_stuck():
    """Without noise and with coarse steps, a sled in the rack shows the same value for minutes."""
    assert () == read(seen(noise_mm=0.0, step_mm=1.0)).stuck


@pytest.mark.parametrize("by_mm", [25.0, -18.0, 150.0])
@pytest.mark.parametrize("at_s", [4.0, 30.3, 45.0])
def test_a_slip_is_a_jump_after_which_the_sled_rests_that_much_off(by_mm, at_s):
    (fault,) = read(seen().plus(by_mm, at_s)).slips
    assert by_mm == pytest.approx(fault.by_mm, abs=4.0)
    assert START_US + at_s * 1e6 == pytest.approx(fault.to_us, abs=30_000)


def test_what_jumps_and_jumps_back_has_not_slipped():
    assert () == read(seen().plus(60.0, 4.0, 6.0)).slips


def test_a_zero_that_wanders_through_the_session_creeps():
    samples = pressing(5).samples(noise_mm=0.3, step_mm=0.5)
    since_s = (samples.t_us - START_US) / 1e6
    wandering = samples._replace(depth_mm=samples.depth_mm + 20.0 * since_s / since_s[-1])

    reading = read(wandering)

    assert 20.0 == pytest.approx(reading.creep_mm, abs=3.0)


def test_missing_samples_are_counted():
    samples = seen()
    assert 20.0 / pressing().seconds == pytest.approx(read(samples.without(5.0, 25.0)).missing_share, abs=0.01)


def test_a_sled_that_never_moves_while_somebody_is_there_is_told():
    assert read(Press().rest(70.0).samples(noise_mm=0.3, step_mm=0.5)).motionless
    assert not read(Press().rest(50.0).samples(noise_mm=0.3, step_mm=0.5)).motionless


@pytest.mark.parametrize("count", [0, 1, 5, 20])
def test_next_to_no_samples_say_next_to_nothing(count):
    samples = seen().part(0, count)
    assert (None, None, ()) == (read(samples).rack_end_mm, read(samples).noise_mm, read(samples).stuck)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_people_who_do_odd_things_are_no_fault_of_the_sensor(rate_hz):
    """They drop the sled, leave it on the stops, hold it on trembling legs; the encoders are silent or coarse."""
    for seed in range(20):
        how = {"noise_mm": (0.0, 0.1, 0.3, 0.8)[seed % 4], "step_mm": (0.0, 0.5, 1.0, 2.0, 5.0)[seed % 5]}
        reading = read(odd_session(seed, rate_hz=rate_hz, rack_mm=float(seed % 9), **how))
        assert ((), ()) == (reading.stuck, reading.slips), (seed, how)
