"""A station: who is at it, what its sensors make of them, and when its frames go."""

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from sledwatch_sim.equipment.models import INCLINE, Press
from sledwatch_sim.equipment.sensors import Sensor, SensorAtWork
from sledwatch_sim.pace import Hurried
from sledwatch_sim.people import lifter
from sledwatch_sim.visits import Station, Visit, Visited
from sledwatch_sim.wire.network import Network

START_US = 1_795_330_800_000_000
SOUND = Sensor()


class Machine(msgspec.Struct):
    """A machine without a line, and what it was told to send."""

    congested: bool = False
    limit: None = None
    frames: list[tuple[int, int, list[float | None], Any]] = []
    boots: list[str] = []
    ended: list[str] = []

    def badge_in(self, *_: Any) -> None:
        pass

    def frame(self, t_us: int, dt_us: int, depth_mm: Any, load_kg: Any) -> None:
        self.frames.append((t_us, dt_us, depth_mm, load_kg))

    def badge_out(self, _t_us: int, reason: str) -> None:
        self.ended.append(reason)

    def reboot(self, boot: str) -> None:
        self.boots.append(boot)


def visited(press: Press, sensor: Sensor = SOUND) -> tuple[Machine, Visited, list[str]]:
    """One visit, as quickly as it goes; and the kinds of faults that were told."""
    machine, over, told = Machine(), [], []
    person = lifter(1, 7, "p-7")
    with Network() as network:
        at_work = SensorAtWork(sensor, (1,), START_US, lambda kind, *_: told.append(kind))
        pace = Hurried(START_US, network.clock(), 1e12, network.clock)
        station = Station(
            network,
            machine,  # type: ignore[arg-type]
            press,
            pace,
            lambda _station, one: over.append(one),
            at_work,
            START_US,
            lambda at_us: f"boot-{at_us}",
        )
        plan = tuple(person.plan(press, person.rng(START_US)))
        station.expect(Visit(person, "s", START_US, plan, None, None))
        network.run(lambda: bool(over))
    at_work.close()
    return machine, over[0], told


@pytest.mark.parametrize("rate_hz", [10.0, 30.0, 50.0, 333.0, 1_000.0])
def test_a_machine_of_any_rate_sends_a_frame_a_second_and_its_reps_are_in_it(rate_hz):
    press = INCLINE.at_rate(rate_hz)
    machine, done, _ = visited(press)
    *whole, (_, _, rest, _) = machine.frames
    assert {round(rate_hz)} == {len(depth_mm) for _, _, depth_mm, _ in whole}
    assert len(rest) <= round(rate_hz)
    assert {round(rate_hz) * press.dt_us} == {later[0] - frame[0] for frame, later in pairwise(machine.frames)}
    t_s = np.concatenate([t_us + dt_us * np.arange(len(mm)) for t_us, dt_us, mm, _ in machine.frames]) - START_US
    depth_mm = np.array([np.nan if one is None else one for _, _, mm, _ in machine.frames for one in mm])
    for rep in done.reps:
        during = depth_mm[(t_s >= rep.start_s * 1e6) & (t_s <= rep.end_s * 1e6)]
        # At 10 Hz the turn may fall between two samples.
        assert rep.bottom_mm == pytest.approx(np.nanmax(during), abs=2.0 if rate_hz >= 30.0 else 12.0)


def test_an_irregular_rate_is_said_in_each_frame_and_times_never_overlap():
    machine, done, told = visited(INCLINE, Sensor(rate_jitter=0.05))
    assert len({dt_us for _, dt_us, _, _ in machine.frames}) > 0.8 * len(machine.frames)
    assert done.end_us == pytest.approx(visited(INCLINE)[1].end_us, abs=2_000_000)
    assert all(frame[0] + frame[1] * len(frame[2]) == later[0] for frame, later in pairwise(machine.frames))
    assert len(done.reps) > 10
    assert ["rate-jitter"] == told


def test_a_reboot_ends_the_visit_in_the_middle_of_a_set_without_a_word():
    machine, done, told = visited(INCLINE, Sensor(reboots_s=(60.0,)))
    assert ([f"boot-{START_US + 60_000_000}"], [], ["reboot"]) == (machine.boots, machine.ended, told)
    assert START_US + 60_000_000 == done.end_us
    assert done.complete
    whole, _, _ = visited(INCLINE)
    assert whole.frames[: len(machine.frames)] == machine.frames
