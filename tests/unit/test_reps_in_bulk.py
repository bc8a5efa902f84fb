"""Reps of many sessions in one call, as columns."""

import numpy as np
import pytest

from pressing import Samples, idle
from sledwatch.machine import MachineSpec
from sledwatch.reps import MEASURED, find_in_bulk, find_reps, measure, measure_in_bulk

PLATES = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0)
STACK = MachineSpec("seated", 0.0, 60.0, 400.0, 50.0, resistance="stack", ratio=2.0)

MORNING = idle().reps((400, 410, 395)).to(300, 1).samples(50, noise_mm=0.4)
NOON = idle().rest(5).samples(50)
EVENING = idle().reps((350,) * 4, concentric_s=0.8).rest(2).samples(100, noise_mm=0.4, load_kg=60.0)


def together(*sessions: Samples) -> tuple[Samples, list[int]]:
    columns = [np.concatenate(column) for column in zip(*sessions, strict=True)]
    lengths = [len(session.t_us) for session in sessions]
    return Samples(*columns), np.cumsum([0, *lengths[:-1]]).tolist()


def test_each_session_has_the_reps_that_it_has_alone():
    samples, starts = together(MORNING, NOON, EVENING)
    found = find_in_bulk(*samples, starts)
    assert [0] * 3 + [2] * 4 == found["session"].tolist()
    for name in ("set", "rep", "start_us", "turn_us", "end_us", "top_mm", "bottom_mm", "end_mm", "load_kg"):
        alone = [getattr(span, name) for session in (MORNING, NOON, EVENING) for span in find_reps(*session)]
        assert alone == found[name].tolist()


def test_work_is_weight_times_travel_on_the_machine_of_the_session():
    samples, starts = together(MORNING, EVENING)
    found = find_in_bulk(*samples, starts, [PLATES, STACK])
    measured = measure(*MORNING, find_reps(*MORNING), PLATES) + measure(*EVENING, find_reps(*EVENING), STACK)
    assert [rep.work_j for rep in measured] == pytest.approx(found["work_j"].tolist(), rel=5e-3)


def test_many_sessions_are_measured_as_each_is_alone():
    samples, starts = together(MORNING, EVENING)
    found = find_in_bulk(*samples, starts)
    measured = measure_in_bulk(*samples, found, [PLATES, STACK], starts)
    alone = measure(*MORNING, find_reps(*MORNING), PLATES) + measure(*EVENING, find_reps(*EVENING), STACK)
    for name in MEASURED.names or ():
        figures = np.array([getattr(rep, name) for rep in alone], dtype=np.float64)
        np.testing.assert_array_equal(figures, measured[name].astype(np.float64))


def test_without_a_machine_there_is_no_work():
    assert np.isnan(find_in_bulk(*MORNING)["work_j"]).all()


def test_no_samples_have_no_reps():
    assert 0 == len(find_in_bulk([], [], []))


def test_more_reps_than_fit_into_one_answer_of_the_kernel_are_all_there():
    one = idle(1).reps((200,), eccentric_s=0.5, concentric_s=0.5, bottom_s=0, top_s=0.1).samples(50)
    t_us = one.t_us[0] + np.arange(400 * len(one.t_us)) * 20_000
    found = find_in_bulk(t_us, np.tile(one.depth_mm, 400), np.tile(one.load_kg, 400))
    assert list(range(1, 401)) == found["rep"].tolist()


@pytest.mark.parametrize("starts", [[], [5], [0, 40, 20], [0, 10_000_000]])
def test_starts_that_are_no_indices_in_order_are_refused(starts):
    with pytest.raises(ValueError, match="expected indices from 0 on"):
        find_in_bulk(*MORNING, starts)


def test_a_machine_too_few_is_refused():
    samples, starts = together(MORNING, EVENING)
    with pytest.raises(ValueError, match="1 specs for 2 sessions"):
        find_in_bulk(*samples, starts, [PLATES])
    with pytest.raises(ValueError, match="3 specs for 2 sessions"):
        measure_in_bulk(*samples, find_in_bulk(*samples, starts), [PLATES] * 3, starts)
