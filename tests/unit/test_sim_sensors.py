"""A machine's sensors: right when they are sound, wrong as they are told to be, and the same for the same seed."""

from typing import Any

import numpy as np
import pytest

from sledwatch_sim.equipment.sensors import DROPOUT, Sensor, SensorAtWork

RATE_HZ = 50.0
START_US = 1_795_330_800_000_000
SEED = (1, 2, 3)
CLEAR = Sensor(noise_mm=0.0, step_mm=0.0, dropout=0.0)


def times_s(seconds: float, from_s: float = 0.0) -> Any:
    return from_s + np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def pressing_mm(t_s: Any) -> Any:
    return 200.0 - 200.0 * np.cos(t_s)


class Fault(tuple[str, float, float, dict[str, float]]):
    """What was told of a fault: kind, from and to in seconds since the start, figures."""


def read(sensor: Sensor, seconds: float = 60.0, load_kg: float = 100.0) -> tuple[Any, Any, list[Fault]]:
    told: list[Fault] = []

    def tell(kind: str, from_us: int, to_us: int, detail: Any) -> None:
        told.append(Fault((kind, (from_us - START_US) / 1e6, (to_us - START_US) / 1e6, dict(detail))))

    at_work = SensorAtWork(sensor, SEED, START_US, tell)
    t_s = times_s(seconds)
    readings = at_work.read(t_s, pressing_mm(t_s), load_kg)
    at_work.close()
    return readings.depth_mm, readings.load_kg, told


def test_a_sound_sensor_is_right_to_two_millimetres_and_nothing_is_told_of_it():
    depth_mm, load_kg, told = read(Sensor())
    assert np.nanmax(np.abs(depth_mm - pressing_mm(times_s(60.0)))) < 2.0
    assert {0.0} == set(depth_mm[~np.isnan(depth_mm)] % 0.5)
    assert ({100.0}, []) == (set(load_kg), told)
    assert Sensor().sound


def test_the_same_seed_reads_the_same_and_another_seed_does_not():
    t_s = times_s(20.0)
    first, again, other = (
        SensorAtWork(Sensor(dropout=0.01), seed).read(t_s, pressing_mm(t_s), 80.0).depth_mm
        for seed in (SEED, SEED, (1, 2, 4))
    )
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


@pytest.mark.parametrize("piece", [1, 7, 50, 333])
def test_readings_do_not_depend_on_how_the_travel_is_cut(piece):
    sensor = Sensor(
        dropout=0.02,
        drift_mm_per_h=40.0,
        stuck=((3.0, 5.0),),
        blind=((8.0, 8.5),),
        slip_mm_at=((10.0, 25.0),),
        load_noise_kg=0.4,
        load_drift_kg_per_h=3.0,
        sample_jitter=0.1,
    )
    t_s = times_s(15.0)
    whole, pieces = SensorAtWork(sensor, SEED), SensorAtWork(sensor, SEED)
    expected = whole.read(t_s, pressing_mm(t_s), 80.0)
    parts = [t_s[begin : begin + piece] for begin in range(0, len(t_s), piece)]
    read_in_pieces = [pieces.read(part, pressing_mm(part), 80.0) for part in parts]
    assert np.array_equal(expected.depth_mm, np.concatenate([one.depth_mm for one in read_in_pieces]), equal_nan=True)
    assert np.array_equal(expected.load_kg, np.concatenate([one.load_kg for one in read_in_pieces]))


def test_one_fault_more_leaves_the_rest_as_it_was():
    depth_mm, _, _ = read(Sensor(dropout=0.01))
    stuck, _, _ = read(Sensor(dropout=0.01, stuck=((10.0, 12.0),)))
    assert np.array_equal(depth_mm[:500], stuck[:500], equal_nan=True)
    assert np.array_equal(depth_mm[600:], stuck[600:], equal_nan=True)


def test_a_stuck_encoder_shows_what_it_showed_last():
    depth_mm, _, told = read(Sensor(noise_mm=0.0, step_mm=0.0, dropout=0.0, stuck=((10.0, 12.0),)))
    assert {depth_mm[499]} == set(depth_mm[500:600])
    assert depth_mm[600] != depth_mm[599]
    assert [("stuck", 10.0, 12.0, {"at_mm": depth_mm[499]})] == told


def test_an_encoder_that_is_stuck_from_the_first_shows_what_it_saw_then():
    depth_mm, _, _ = read(Sensor(noise_mm=0.0, step_mm=0.0, dropout=0.0, stuck=((0.0, 1.0),)))
    assert {0.0} == set(depth_mm[:50])


def test_a_slipping_encoder_reads_deeper_from_then_on():
    depth_mm, _, told = read(Sensor(noise_mm=0.0, dropout=0.0, slip_mm_at=((20.0, 15.0), (40.0, -5.0))))
    off_mm = depth_mm - pressing_mm(times_s(60.0))
    parts = np.split(off_mm, [1000, 2000])
    assert [0.0, 15.0, 10.0] == [round(float(part.mean())) for part in parts]
    assert [("slip", 20.0, 20.0, {"slip_mm": 15.0}), ("slip", 40.0, 40.0, {"slip_mm": -5.0})] == told


def test_a_drift_grows_by_the_hour_and_is_told_from_first_to_last_sample():
    depth_mm, _, told = read(Sensor(noise_mm=0.0, step_mm=0.0, dropout=0.0, drift_mm_per_h=360.0))
    off_mm = depth_mm - pressing_mm(times_s(60.0))
    assert (0.0, 3.0) == (off_mm[0], pytest.approx(off_mm[1500], abs=1e-3))
    assert [("drift", 0.0, 59.98, {"mm_per_h": 360.0})] == told


def test_a_blind_encoder_gives_nothing():
    depth_mm, _, told = read(Sensor(dropout=0.0, blind=((5.0, 7.0),)))
    assert list(range(250, 350)) == np.flatnonzero(np.isnan(depth_mm)).tolist()
    assert [("blind", 5.0, 7.0, {})] == told


def test_samples_are_missing_at_their_share_and_counted():
    depth_mm, _, told = read(Sensor(dropout=0.1))
    missing = int(np.isnan(depth_mm).sum())
    assert 0.07 < missing / len(depth_mm) < 0.13
    assert [("dropout", 0.0, 59.98, {"samples": missing, "share": 0.1})] == told


def test_a_load_cell_is_off_drifts_and_trembles():
    _, load_kg, told = read(Sensor(load_offset_kg=5.0, load_drift_kg_per_h=60.0, load_noise_kg=0.5, load_step_kg=0.1))
    assert 105.0 == pytest.approx(load_kg[:500].mean(), abs=0.3)
    assert 106.0 == pytest.approx(load_kg[-50:].mean(), abs=0.3)
    assert 0.5 == pytest.approx(load_kg[:50].std(), rel=0.4)
    assert {"load-offset", "load-drift", "load-noise"} == {kind for kind, *_ in told}


def test_a_load_that_only_drifts_is_one_number_a_frame():
    _, load_kg, _ = read(Sensor(load_drift_kg_per_h=60.0))
    assert 60 == len(set(load_kg))


def test_a_fault_outside_what_was_read_is_not_told():
    _, _, told = read(Sensor(stuck=((70.0, 80.0),), slip_mm_at=((99.0, 5.0),)))
    assert [] == told


def test_the_time_between_samples_varies_from_frame_to_frame():
    steady, shaky = (SensorAtWork(sensor, SEED) for sensor in (CLEAR, Sensor(rate_jitter=0.05)))
    assert {20_000} == set(steady.intervals_us(20_000.0, 100))
    intervals_us = shaky.intervals_us(20_000.0, 200)
    assert 1_000.0 == pytest.approx(intervals_us.std(), rel=0.2)
    assert 17_500 <= intervals_us.min() <= intervals_us.max() <= 22_500


def test_samples_are_taken_off_the_moment_they_claim():
    claimed_s = times_s(10.0)
    off_s = SensorAtWork(Sensor(sample_jitter=0.1), SEED).moments_s(claimed_s, 0.02) - claimed_s
    assert 0.002 == pytest.approx(off_s.std(), rel=0.2)
    assert (np.diff(claimed_s + off_s) > 0).all()
    assert claimed_s is SensorAtWork(CLEAR, SEED).moments_s(claimed_s, 0.02)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"noise_mm": -1.0}, "noise_mm -1"),
        ({"dropout": 1.5}, "dropout 1.5"),
        ({"rate_jitter": 0.5}, "rate_jitter 0.5"),
        ({"stuck": ((5.0, 4.0),)}, "stuck: expected spans"),
        ({"blind": ((1.0, 3.0), (2.0, 4.0))}, "blind: expected spans"),
        ({"slip_mm_at": ((9.0, 1.0), (3.0, 1.0))}, "slip_mm_at: expected seconds"),
        ({"reboots_s": (-1.0,)}, "reboots_s: expected seconds"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong, says):
    with pytest.raises(ValueError, match=says):
        Sensor(**wrong)


def test_a_fault_makes_it_unsound():
    assert not Sensor(drift_mm_per_h=1.0).sound
    assert not Sensor(reboots_s=(60.0,)).sound
    assert Sensor(step_mm=0.1, dropout=DROPOUT / 2).sound
