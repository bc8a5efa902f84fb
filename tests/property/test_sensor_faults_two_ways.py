"""Faults injected into a simulated machine's sensors, and what is found of them: entailed by the truth, and no more."""

from typing import Any

import numpy as np
import pytest

from sledwatch.reps import find_reps
from sledwatch.sensors import Seen, judge_sensors, read_sensors
from sledwatch_sim.equipment.models import MODELS
from sledwatch_sim.equipment.sensors import Sensor, SensorAtWork
from sledwatch_sim.people import lifter
from sledwatch_sim.performing import perform
from sledwatch_sim.truth import SensorTruth

S = 1_000_000
START_US = 1_795_330_800 * S
MACHINES = sorted(MODELS)


def found_and_true(sensor: Sensor, seed: int, sessions: int = 1, rate_hz: float = 50.0) -> list[tuple[Any, Any, Any]]:
    """By session: the rules found, those that must be, and those that may be."""
    press = MODELS[MACHINES[seed % len(MACHINES)]].at_rate(rate_hz)
    at_work, truth = SensorAtWork(sensor, (seed, 1), START_US), SensorTruth(sensor, rate_hz)
    told, seen, at_s = [], [], 2.0
    for number in range(sessions):
        who = lifter(seed, number, f"m-{number}")
        rng = who.rng(START_US + round(at_s * S))
        stretches = list(perform(who, press, who.plan(press, rng)[:3], rng, lambda: None))
        true_mm = np.concatenate([one.depth_mm for one in stretches])
        true_kg = np.concatenate([np.full(len(one.depth_mm), one.load_kg) for one in stretches])
        t_s = at_s + np.arange(len(true_mm)) / rate_hz
        read = at_work.read(t_s, true_mm, true_kg)
        t_us = START_US + np.round(t_s * 1e6).astype(np.int64)
        reading = read_sensors(t_us, read.depth_mm, read.load_kg, find_reps(t_us, read.depth_mm, read.load_kg))
        seen.append(Seen(str(number), int(t_us[0]), int(t_us[-1]), reading))
        troubles = judge_sensors(lambda from_us: [one for one in seen if one.start_us >= from_us][:12], seen).troubles
        account = at_work.account()
        assert account is not None
        entailed = truth.session(account)
        told.append(
            (
                {rule for rule, trouble in troubles.items() if trouble.shown[-1].session == str(number)},
                {one.rule for one in entailed if not one.near},
                {one.rule for one in entailed},
            )
        )
        at_s = float(t_s[-1]) + 60.0
    return told


def assert_found(sensor: Sensor, seed: int, sessions: int = 1, rate_hz: float = 50.0) -> set[str]:
    """What is found is true and what is true is found; returns what was found of all sessions."""
    everything: set[str] = set()
    for number, (found, must, may) in enumerate(found_and_true(sensor, seed, sessions, rate_hz)):
        assert must <= found <= may, (seed, number)
        everything |= found
    return everything


@pytest.mark.parametrize("rate_hz", [10.0, 30.0, 50.0, 100.0])
def test_sound_sensors_are_never_accused(rate_hz: float) -> None:
    for seed in range(18):
        sensor = Sensor(noise_mm=(0.0, 0.3, 0.8)[seed % 3], step_mm=(0.0, 0.5, 2.0)[seed // 3 % 3])
        assert set() == assert_found(sensor, seed, sessions=4, rate_hz=rate_hz), (seed, sensor)


def test_a_slip_is_found_whenever_it_happens() -> None:
    for seed in range(30):
        slip = Sensor(slip_mm_at=((12.0 + 3.1 * seed, (25.0, -25.0, 60.0)[seed % 3]),))
        found = assert_found(slip, seed)
        assert {"machine.encoder-slip"} == found or seed > 25, seed


def test_an_encoder_that_stood_is_found_when_it_shows_the_sled_elsewhere() -> None:
    found = [assert_found(Sensor(stuck=((20.0 + 3.1 * seed, 30.0 + 4.7 * seed),)), seed) for seed in range(30)]
    assert 6 < found.count({"machine.encoder-stuck"})


def test_a_zero_that_drifts_is_found_after_some_sessions() -> None:
    for seed in range(2):
        assert {"machine.encoder-drift"} == assert_found(Sensor(drift_mm_per_h=40.0), seed, sessions=12), seed


def test_noise_and_missing_samples_are_found_after_three_sessions() -> None:
    for seed in range(3):
        found = assert_found(Sensor(noise_mm=3.0, dropout=0.05), seed, sessions=4)
        assert {"machine.encoder-noise", "machine.encoder-dropout"} == found
