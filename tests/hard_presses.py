"""Hard sets with known truth, from first principles: how a sled may move, and how a sensor may spoil what it sees.

Phases are minimum-jerk movements, half sinusoids, trapezoids of speed, and throws that nothing but gravity ends.
Between them are pauses, stalls, bounces, trembling, reps that barely are some and movements that barely are none.
Everything is a function of time, so that any rate and any uneven clock samples the same movement.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pressing import Samples
from sledwatch.reps import Span

START_US: Final = 1_790_000_000_000_000
# Of a sled on rails of 45° that nobody holds, in mm/s².
GRAVITY_MM_S2: Final = 6_934.0

Shares = NDArray[np.float64]
Shape = Callable[[Shares], Shares]


def minimum_jerk(share: Shares) -> Shares:
    """Flash & Hogan 1985."""
    return share**3 * (10.0 - 15.0 * share + 6.0 * share**2)


def sinusoid(share: Shares) -> Shares:
    """Half a wave; the sled turns without a moment of rest."""
    return 0.5 - 0.5 * np.cos(np.pi * share)


def trapezoid(share: Shares) -> Shares:
    """A quarter of the time to gain speed, half of it at that speed, a quarter to lose it."""
    gained = (8.0 / 3.0) * share**2
    steady = 1.0 / 6.0 + (4.0 / 3.0) * (share - 0.25)
    lost = 1.0 - (8.0 / 3.0) * (1.0 - share) ** 2
    return np.where(share < 0.25, gained, np.where(share < 0.75, steady, lost))


def late(share: Shares) -> Shares:
    """Slow at first, then fast, as a rep near failure that gets past its sticking point."""
    return minimum_jerk(share**1.6)


SHAPES: Final = (minimum_jerk, sinusoid, trapezoid, late)


@dataclass(frozen=True, slots=True)
class TrueRep:
    """A rep as it was: its bottom, when the sled was near it (within 1 mm, first and last), and its ends."""

    start_s: float
    from_s: float
    to_s: float
    end_s: float
    bottom_mm: float


@dataclass
class Movement:
    """A movement being written: pieces that follow each other, and the reps in it."""

    pieces: list[tuple[float, float, float, Shape]] = field(default_factory=list)
    reps: list[TrueRep] = field(default_factory=list)
    now_s: float = 0.0
    at_mm: float = 0.0
    tremble: tuple[float, float] = (0.0, 5.0)

    def move(self, to_mm: float, seconds: float, shape: Shape = minimum_jerk) -> "Movement":
        """Go somewhere."""
        self.pieces.append((seconds, self.at_mm, to_mm, shape))
        self.now_s += seconds
        self.at_mm = to_mm
        return self

    def hold(self, seconds: float) -> "Movement":
        """Stay."""
        return self.move(self.at_mm, seconds) if seconds > 0 else self

    def throw(self, to_mm: float) -> "Movement":
        """Leave the foot and stop by gravity: the speed it starts with is what carries it there."""
        seconds = float(np.sqrt(2.0 * abs(self.at_mm - to_mm) / GRAVITY_MM_S2))
        return self.move(to_mm, seconds, lambda share: 1.0 - (1.0 - share) ** 2)

    def depth_mm(self, at_s: Shares) -> NDArray[np.float64]:
        """Where the sled is at some times."""
        ends_s = np.cumsum([seconds for seconds, *_ in self.pieces])
        piece = np.clip(np.searchsorted(ends_s, at_s, side="right"), 0, len(self.pieces) - 1)
        depth_mm = np.empty(len(at_s))
        for n in np.unique(piece):
            seconds, from_mm, to_mm, shape = self.pieces[n]
            inside = piece == n
            share = np.clip((at_s[inside] - (ends_s[n] - seconds)) / seconds, 0.0, 1.0)
            depth_mm[inside] = from_mm + (to_mm - from_mm) * shape(share)
        size_mm, per_s = self.tremble
        return depth_mm + size_mm * np.sin(2.0 * np.pi * per_s * at_s)

    def deepest_mm(self, rep: "TrueRep") -> float:
        """The true bottom of a rep, trembling included."""
        return float(self.depth_mm(np.arange(rep.start_s, rep.end_s, 0.001)).max())


def any_shape(draw: Generator) -> Shape:
    """One of the shapes."""
    return SHAPES[draw.integers(len(SHAPES))]


def one_rep(m: Movement, draw: Generator, top_mm: float) -> None:
    """A rep of any kind, and how it ends at the top."""
    travel_mm = draw.choice([draw.uniform(110, 180), draw.uniform(200, 550), draw.uniform(300, 450)])
    bottom_mm = m.at_mm + travel_mm
    down_s = draw.choice([draw.uniform(0.5, 1.0), draw.uniform(1.0, 3.0), draw.uniform(3.0, 8.0)])
    up_s = draw.choice([draw.uniform(0.45, 0.8), draw.uniform(0.8, 2.0), draw.uniform(2.0, 7.0)])
    # What people do stays under 2 m/s and 25 m/s².
    down_s = max(down_s, np.sqrt(travel_mm / 2_500), travel_mm / 1_000)
    up_s = max(up_s, np.sqrt(travel_mm / 2_500), travel_mm / 1_000)
    start_s = m.now_s
    down, up = any_shape(draw), any_shape(draw)
    if draw.random() < 0.1:
        m.move(m.at_mm + 0.6 * travel_mm, 0.6 * down_s, down).hold(draw.uniform(0.3, 4.0))
        m.move(bottom_mm, max(0.4 * down_s, np.sqrt(0.4 * travel_mm / 2_500)), down)
    else:
        m.move(bottom_mm, down_s, down)
    from_s = m.now_s
    bounces = int(draw.integers(1, 4)) if draw.random() < 0.12 else 0
    for bounce_mm in draw.uniform(15, 90, bounces):
        m.move(bottom_mm - min(bounce_mm, travel_mm - 20), draw.uniform(0.25, 0.5), sinusoid)
        m.move(bottom_mm, draw.uniform(0.25, 0.5), sinusoid)
    m.hold(draw.choice([0.0, 0.0, draw.uniform(0.1, 1.0), draw.uniform(1.0, 6.0)]))
    if draw.random() < 0.02:
        m.hold(draw.uniform(20, 50))
    to_s = m.now_s
    how = draw.random()
    if how < 0.1:
        m.move(bottom_mm - 0.55 * travel_mm, up_s, up).hold(draw.uniform(0.2, 2.5))
        m.move(top_mm, max(up_s, 0.5), up)
    elif how < 0.2 and travel_mm > 150:
        m.move(top_mm + 60, up_s, late).throw(top_mm)
    else:
        m.move(top_mm, up_s, up)
    m.reps.append(TrueRep(start_s, from_s, to_s, m.now_s, bottom_mm))
    m.hold(draw.choice([0.0, draw.uniform(0.1, 0.8), draw.uniform(0.8, 3.0), draw.uniform(3.0, 12.0)]))


def no_rep(m: Movement, draw: Generator) -> None:
    """A movement that is none: too small, or racking."""
    back_mm = m.at_mm
    m.move(back_mm + draw.uniform(10, 92), draw.uniform(0.4, 2.0), any_shape(draw)).hold(draw.uniform(0.0, 4.0))
    m.move(back_mm, draw.uniform(0.4, 2.0), any_shape(draw)).hold(draw.uniform(0.3, 2.0))


def hard_movement(seed: int, sets: int = 2) -> Movement:
    """Some sets of one person, with what they do between them."""
    draw = np.random.default_rng(seed)
    m = Movement(tremble=(draw.choice([0.0, 0.0, 0.5, 2.0]), draw.uniform(3.0, 10.0)))
    m.at_mm = draw.choice([0.0, draw.uniform(0.0, 95.0)])
    m.hold(draw.choice([2.0, 5.0, 40.0]))
    for _ in range(sets):
        # Unracked to somewhere near; the hooks may sit deeper than the top of the reps.
        hooks_mm, top_mm = m.at_mm, draw.choice([m.at_mm, draw.uniform(-30.0, 38.0)])
        m.move(top_mm, draw.uniform(0.4, 1.0)).hold(draw.uniform(1.2, 3.0))
        for _ in range(draw.integers(3, 9)):
            one_rep(m, draw, top_mm + draw.uniform(-8, 8))
            if draw.random() < 0.08:
                no_rep(m, draw)
        m.hold(draw.uniform(0.5, 2.0)).move(hooks_mm, draw.uniform(0.4, 1.0)).hold(draw.uniform(35, 60))
    return m


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a sensor does to a movement. Sizes in mm, times in s, shares of samples; 0 and empty: nothing."""

    rate_hz: float = 50.0
    noise_mm: float = 0.0
    step_mm: float = 0.0
    jitter: float = 0.0
    missing: float = 0.0
    gaps: int = 0
    spikes: float = 0.0
    bursts: int = 0
    zero_mm: float = 0.0
    drift_mm_per_h: float = 0.0
    slips: int = 0
    stuck: int = 0

    def see(self, m: Movement, seed: int) -> "Seen":
        """What it shows."""
        draw = np.random.default_rng([seed, 1])
        n = int(m.now_s * self.rate_hz)
        at_s = (np.arange(n) + self.jitter * draw.uniform(-0.5, 0.5, n)) / self.rate_hz
        t_us = np.maximum.accumulate(np.round(at_s * 1e6).astype(np.int64))
        depth_mm = m.depth_mm(t_us / 1e6)
        depth_mm += draw.normal(0.0, self.noise_mm, n) if self.noise_mm else 0.0
        if self.step_mm:
            depth_mm = np.round(depth_mm / self.step_mm) * self.step_mm
        zero_mm = self.zero_mm + self.drift_mm_per_h * at_s / 3_600
        hidden = []
        for from_s in draw.uniform(0, m.now_s, self.slips):
            zero_mm = np.where(at_s >= from_s, zero_mm + draw.choice([-1, 1]) * draw.uniform(90, 300), zero_mm)
            hidden.append((from_s, from_s))
        depth_mm += zero_mm
        for from_s in draw.uniform(0, m.now_s, self.stuck):
            to_s = from_s + draw.uniform(0.2, 3.0)
            inside = (at_s >= from_s) & (at_s < to_s)
            depth_mm[inside] = depth_mm[np.argmax(inside)]
            hidden.append((from_s, to_s))
        # Single ones: what comes in runs is a burst.
        lone = (draw.random(n) < self.spikes) & (np.arange(n) % 3 == 0)
        depth_mm = np.where(lone, depth_mm + draw.choice([-1, 1], n) * draw.uniform(60, 900, n), depth_mm)
        for from_s in draw.uniform(0, m.now_s, self.bursts):
            inside = (at_s >= from_s) & (at_s < from_s + draw.uniform(0.02, 0.08))
            depth_mm = np.where(inside, depth_mm + draw.uniform(200, 600), depth_mm)
        depth_mm[draw.random(n) < self.missing] = np.nan
        for from_s in draw.uniform(0, m.now_s, self.gaps):
            to_s = from_s + draw.uniform(0.6, 2.5)
            depth_mm[(at_s >= from_s) & (at_s < to_s)] = np.nan
            hidden.append((from_s, to_s))
        return Seen(Samples(START_US + t_us, depth_mm, np.full(n, 100.0)), tuple(hidden), at_s, zero_mm)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a sensor showed. hidden: when it told nothing, or a lie that lasts. zero_mm: what it showed too much, at
    the times of the samples."""

    samples: Samples
    hidden: tuple[tuple[float, float], ...]
    at_s: NDArray[np.float64]
    zero_mm: NDArray[np.float64]

    def hides(self, rep: TrueRep) -> bool:
        """Whether part of a rep cannot be seen."""
        return any(from_s < rep.end_s and rep.start_s < to_s for from_s, to_s in self.hidden)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found of what was there. Reps that cannot be seen whole count neither when found nor when not.

    unsure: of those that are right. wrong_mm: found minus true bottoms of all reps of quality ok.
    """

    true: int = 0
    right: int = 0
    wrong: int = 0
    unsure: int = 0
    wrong_mm: tuple[float, ...] = ()

    def plus(self, other: "Outcome") -> "Outcome":
        """Both together."""
        return Outcome(
            self.true + other.true,
            self.right + other.right,
            self.wrong + other.wrong,
            self.unsure + other.unsure,
            self.wrong_mm + other.wrong_mm,
        )

    @property
    def precision(self) -> float:
        """The share of what was found that is true."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """The share of what is true that was found."""
        return self.right / max(1, self.true)


def outcome(m: Movement, seen: Seen, spans: list[Span]) -> Outcome:
    """A rep is right when it turns within the true one; each true one counts once."""
    free = list(m.reps)
    wrong_mm: list[float] = []
    right = wrong = unsure = 0
    for span in spans:
        turn_s = (span.turn_us - START_US) / 1e6
        rep = next((r for r in free if r.start_s < turn_s < r.end_s), None)
        if rep is None:
            near = any(from_s - 3 < turn_s < to_s + 3 for from_s, to_s in seen.hidden)
            wrong += not near
            continue
        free.remove(rep)
        hidden = seen.hides(rep)
        right += not hidden
        if span.quality == "ok":
            zero_mm = float(np.interp(turn_s, seen.at_s, seen.zero_mm))
            wrong_mm.append(span.bottom_mm - zero_mm - m.deepest_mm(rep))
        else:
            unsure += not hidden
    return Outcome(sum(not seen.hides(rep) for rep in m.reps), right, wrong, unsure, tuple(wrong_mm))
