"""A session as it is done: from badge to badge, sample by sample, with the truth about every rep."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from sledwatch_sim.equipment.models import Press
from sledwatch_sim.equipment.travel import Depths, Pen, bounce_mm, bounce_s, minimum_jerk, passing, slow_s
from sledwatch_sim.people import Lifter, PlannedSet, Stroke

# To unrack, the sled is pushed a little off its stops, the stops swing away, and it settles where the legs are long.
_OFF_THE_STOPS_MM: Final = -10.0


@dataclass(frozen=True, slots=True)
class TrueRep:
    """What really happened. Times in seconds since the session began.

    start_s: the sled leaves the top. turn_s: the push begins. end_s: the push is over. bottom_mm: the deepest point,
    before the sensor's noise. friends: done by whoever shares the badge.
    """

    set: int
    rep: int
    start_s: float
    turn_s: float
    end_s: float
    load_kg: float
    top_mm: float
    bottom_mm: float
    end_mm: float
    stroke: Stroke
    share_of_1rm: float
    friends: bool = False

    @property
    def rom_mm(self) -> float:
        """Concentric travel."""
        return self.bottom_mm - self.end_mm

    @property
    def arrives_s(self) -> float:
        """When the sled has come to its bottom; the push begins after the dwell."""
        return self.turn_s - self.stroke.dwell_s


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a rep depends on from when on a sled is taken to move. Times in seconds since the session began."""

    start_s: float
    end_s: float
    mean_velocity_m_s: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some seconds of a session: where the sled truly is at each sample, and the rep that ends with them, if any."""

    depth_mm: Depths
    load_kg: float
    rep: TrueRep | None = None


def seen(reps: Sequence[TrueRep]) -> list[Seen]:
    """Reps as the contract measures them, from the first moment to the last that is faster than 0.02 m/s."""
    columns = ("top_mm", "bottom_mm", "end_mm", "eccentric_s", "concentric_s", "bounce_m_s")
    top_mm, bottom_mm, end_mm, eccentric_s, concentric_s, bounce_m_s = (
        np.array([getattr(rep.stroke, name) for rep in reps]) for name in columns
    )
    start_s, end_s = (np.array([getattr(rep, name) for rep in reps]) for name in ("start_s", "end_s"))
    lowered_mm = bottom_mm - bounce_mm(bounce_m_s) - top_mm
    lowering_s = slow_s(lowered_mm, eccentric_s - bounce_s(bounce_m_s) / 2.0, bounce_m_s)
    slow_up_s, mean_m_s = seen_push(bottom_mm, end_mm, concentric_s, bounce_m_s)
    figures = zip((start_s + lowering_s).tolist(), (end_s - slow_up_s).tolist(), mean_m_s.tolist(), strict=True)
    return [Seen(*each) for each in figures]


def seen_push(
    bottom_mm: float | Depths, end_mm: float | Depths, concentric_s: float | Depths, bounce_m_s: float | Depths
) -> tuple[Depths, Depths]:
    """How long the ends of pushes are too slow to be seen, in seconds, and the mean velocity of the rest, in m/s.

    Numbers, or columns of one length.
    """
    out_m_s: Depths = np.asarray(bounce_m_s, dtype=np.float64)
    up_s = concentric_s - bounce_s(out_m_s) / 2.0
    from_mm = bottom_mm - bounce_mm(out_m_s)
    slow_up_s = slow_s(from_mm - end_mm, up_s, out_m_s)
    # Who bounces is at once as fast as that.
    slow_below_s = np.where(out_m_s > 0.0, 0.0, slow_up_s)
    until_mm = _pushed_mm(from_mm, end_mm, up_s, out_m_s, (up_s - slow_up_s) / up_s)
    since_mm = _pushed_mm(from_mm, end_mm, up_s, out_m_s, slow_below_s / up_s)
    since_mm = np.where(out_m_s > 0.0, bottom_mm, since_mm)
    mean_m_s: Depths = (since_mm - until_mm) / 1_000.0 / (concentric_s - slow_below_s - slow_up_s)
    return slow_up_s, mean_m_s


def _pushed_mm(
    from_mm: float | Depths, end_mm: float | Depths, up_s: float | Depths, out_m_s: Depths, at: Depths
) -> Depths:
    """Where the sled is at the shares `at` of a push."""
    return minimum_jerk(from_mm, end_mm, at) + 1_000.0 * up_s * passing(at, -out_m_s, 0.0)


class Presser(Protocol):
    """Whoever is in the seat."""

    def stroke(
        self,
        press: Press,
        planned: PlannedSet,
        tired: float,
        rep: int,
        top_mm: float,
        light_mm: float | None,
        rng: np.random.Generator,
    ) -> Stroke:
        """Their next rep, as `Technique.stroke` has it."""


def perform(
    lifter: Lifter,
    press: Press,
    plan: list[PlannedSet],
    rng: np.random.Generator,
    light_mm: Callable[[], float | None],
    friend: Lifter | None = None,
) -> Iterator[Stretch]:
    """Do the planned sets. `light_mm` is asked before each rep: where the machine's light comes on, or None.

    friend: does the sets that are planned as theirs.
    """
    pen = Pen(press.rate_hz)
    load_kg = press.empty_kg
    count = 0
    yield Stretch(pen.hold(0.0, rng.uniform(6.0, 12.0)), load_kg)
    for index, planned in enumerate(plan):
        load_kg = planned.load_kg
        presser = friend if planned.friends and friend is not None else lifter
        tired = index / max(1, len(plan) - 1)
        yield from perform_set(pen, presser, press, planned, index + 1, count, tired, rng, light_mm)
        count += planned.reps
        if index < len(plan) - 1:
            yield Stretch(pen.hold(0.0, planned.rest_s), load_kg)
    yield Stretch(pen.hold(0.0, rng.uniform(5.0, 9.0)), load_kg)


def perform_set(
    pen: Pen,
    presser: Presser,
    press: Press,
    planned: PlannedSet,
    number: int,
    reps_before: int,
    tired: float,
    rng: np.random.Generator,
    light_mm: Callable[[], float | None],
) -> Iterator[Stretch]:
    """Do one set, from the hands on the levers to the sled back in its rack.

    number: of the set in the session, from 1. reps_before: done in the session. tired: the share of the session's sets
    that is behind.
    """
    load_kg, rep = planned.load_kg, reps_before
    yield Stretch(pen.hold(0.0, 2.0), load_kg)
    top_mm = float(rng.uniform(6.0, 14.0))
    yield Stretch(_unrack(pen, top_mm), load_kg)
    for done in range(planned.reps):
        stroke = presser.stroke(press, planned, tired, done, top_mm, light_mm(), rng)
        rep += 1
        start_s = pen.end_s
        down, bottom, up = pressed(pen, stroke, rng)
        turn_s = start_s + stroke.eccentric_s + stroke.dwell_s
        true_rep = TrueRep(
            set=number,
            rep=rep,
            start_s=start_s,
            turn_s=turn_s,
            end_s=pen.end_s,
            load_kg=load_kg,
            top_mm=stroke.top_mm,
            bottom_mm=stroke.bottom_mm,
            end_mm=stroke.end_mm,
            stroke=stroke,
            share_of_1rm=planned.share_of_1rm,
            friends=planned.friends,
        )
        pause = pen.hold(stroke.end_mm, stroke.pause_s)
        yield Stretch(np.concatenate([down, bottom, up, pause]), load_kg, true_rep)
        top_mm = stroke.end_mm
    yield Stretch(_rack(pen, top_mm), load_kg)


def pressed(pen: Pen, stroke: Stroke, rng: np.random.Generator) -> tuple[Depths, Depths, Depths]:
    """Down, below, and up again. A bounce takes half of its turn from the way down and half from the way up."""
    bounce_m_s = stroke.bounce_m_s
    turn_s, shallower_mm = bounce_s(bounce_m_s), stroke.bottom_mm - bounce_mm(bounce_m_s)
    down = pen.move(
        stroke.top_mm,
        shallower_mm,
        stroke.eccentric_s - turn_s / 2.0,
        rng.uniform(0.0, 1.5),
        rng.uniform(2.0, 4.0),
        to_m_s=bounce_m_s,
    )
    if bounce_m_s:
        below = pen.move(shallower_mm, shallower_mm, turn_s, from_m_s=bounce_m_s, to_m_s=-bounce_m_s)
    else:
        below = pen.hold(stroke.bottom_mm, stroke.dwell_s)
    up = pen.move(
        shallower_mm,
        stroke.end_mm,
        stroke.concentric_s - turn_s / 2.0,
        rng.uniform(0.0, 0.8),
        rng.uniform(1.0, 2.0),
        from_m_s=-bounce_m_s,
    )
    return down, below, up


def _unrack(pen: Pen, top_mm: float) -> Depths:
    off, wait = pen.move(0.0, _OFF_THE_STOPS_MM, 0.6), pen.hold(_OFF_THE_STOPS_MM, 0.7)
    return np.concatenate([off, wait, pen.move(_OFF_THE_STOPS_MM, top_mm, 0.8), pen.hold(top_mm, 0.8)])


def _rack(pen: Pen, top_mm: float) -> Depths:
    off, wait = pen.move(top_mm, _OFF_THE_STOPS_MM, 0.7), pen.hold(_OFF_THE_STOPS_MM, 0.6)
    return np.concatenate([off, wait, pen.move(_OFF_THE_STOPS_MM, 0.0, 0.5)])
