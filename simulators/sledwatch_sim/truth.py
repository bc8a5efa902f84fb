"""What really happened, and which findings it entails: written down for `sledwatch score`.

The findings follow from the definitions alone (depth beyond a calibrated limit; work against the best of 30 days),
computed here on their own, so that an error in the analytics cannot hide in the yardstick. What a measurement that is
right may judge either way is marked `near` and not scored.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Literal, Self

import msgspec

from sledwatch_sim.equipment.models import Press
from sledwatch_sim.people import DAY_US, Lifter
from sledwatch_sim.performing import TrueRep

# The rules whose findings are foretold.
RULES: Final = ("depth.excessive", "workload.spike")

_DEPTH_TOLERANCE_MM: Final = 2.0
_THRESHOLD_TOLERANCE: Final = 0.01
_FAR_BEYOND_MM: Final = 30.0
_SPIKES: Final[tuple[tuple[float, Literal["note", "warn", "alert"]], ...]] = (
    (2.00, "alert"),
    (1.30, "warn"),
    (1.10, "note"),
)
_WINDOW_US: Final = 30 * DAY_US
_FEWEST_SESSIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that a session entails. near: too close to call; it may be found or not."""

    rule: str
    severity: str
    near: bool


def excessive_depth(reps: Iterable[TrueRep], limit_mm: float | None) -> Expected | None:
    """Two reps of a set past the calibrated limit, or one by more than 30 mm; None where that is not so."""
    if limit_mm is None:
        return None
    sets: dict[int, list[float]] = defaultdict(list)
    for rep in reps:
        sets[rep.set].append(rep.bottom_mm - limit_mm)

    def holds(error_mm: float) -> bool:
        over = [[depth + error_mm for depth in depths] for depths in sets.values()]
        return any(sum(d > 0 for d in depths) >= 2 or max(depths) > _FAR_BEYOND_MM for depths in over)

    if not holds(_DEPTH_TOLERANCE_MM):
        return None
    return Expected("depth.excessive", "alert", near=not holds(-_DEPTH_TOLERANCE_MM))


def spike_ratio(past: Sequence[tuple[int, float]], start_us: int, work_j: float) -> float | None:
    """The session's work over the largest of the 30 days before it (Frandsen 2025); `past` is start and joules.

    None without a baseline: before 30 days since the first session and 4 sessions, or with nothing in the window.
    """
    if len(past) < _FEWEST_SESSIONS or start_us - past[0][0] < _WINDOW_US:
        return None
    window = [work for t_us, work in past if start_us - _WINDOW_US <= t_us < start_us]
    return work_j / max(window) if window and max(window) > 0 else None


def workload_spike(ratio: float | None) -> Expected | None:
    """A note above 1.10, a warn above 1.30, an alert above 2.00."""
    if ratio is None or ratio <= _SPIKES[-1][0] * (1.0 - _THRESHOLD_TOLERANCE):
        return None
    severity = next((name for threshold, name in _SPIKES if ratio > threshold), "note")
    lowest = _SPIKES[-1][0]
    return Expected("workload.spike", severity, near=ratio <= lowest * (1.0 + _THRESHOLD_TOLERANCE))


class Truth:
    """The file: a JSON object a line, of kind run, member, session, rep or finding. No path, no file."""

    def __init__(self, path: Path | None) -> None:
        """Raises OSError when the file cannot be written."""
        self._file: IO[bytes] | None = path.open("wb") if path is not None else None

    def run(self, scenario: str, gym: str, seed: int, start_us: int) -> None:
        """What was run; the first line."""
        self._line("run", scenario=scenario, gym=gym, seed=seed, start_us=start_us, rules=RULES)

    def member(self, lifter: Lifter, press: Press, gym: str, machine: str) -> None:
        """Who took part."""
        self._line(
            "member",
            user=lifter.user,
            name=lifter.name,
            sex=lifter.sex,
            height_mm=lifter.height_mm,
            temper=lifter.temper,
            obeys=lifter.obeys,
            gym=gym,
            machine=machine,
            one_rm_kg=round(lifter.one_rm_n / press.newtons_per_kg(lifter.setup(press)), 1),
            habit_mm=round(lifter.habit_mm(press), 1),
            limit_mm=lifter.limit_mm(press),
        )

    def session(
        self,
        *,
        session: str,
        lifter: Lifter,
        press: Press,
        gym: str,
        machine: str,
        start_us: int,
        end_us: int,
        reps: Sequence[TrueRep],
        limit_mm: float | None,
        past: Sequence[tuple[int, float]] | None,
    ) -> float:
        """A session that is over, its reps and what must be found in it. Returns its work in joules.

        past: start and work of all earlier sessions, or None where they are not known and nothing can be foretold.
        """
        setup = lifter.setup(press)
        works = [press.work_j(setup, rep.load_kg, rep.rom_mm) for rep in reps]
        ratio = spike_ratio(past, start_us, sum(works)) if past is not None else None
        where = {"session": session, "user": lifter.user, "gym": gym, "machine": machine}
        self._line(
            "session",
            **where,
            start_us=start_us,
            end_us=end_us,
            reps=len(reps),
            work_j=round(sum(works), 1),
            spike=ratio and round(ratio, 3),
            limit_mm=limit_mm,
        )
        for rep, work_j in zip(reps, works, strict=True):
            over_mm = None if limit_mm is None else rep.bottom_mm - limit_mm
            self._line(
                "rep",
                **where,
                set=rep.set,
                rep=rep.rep,
                t_start_us=start_us + round(rep.start_s * 1e6),
                t_turn_us=start_us + round(rep.turn_s * 1e6),
                t_end_us=start_us + round(rep.end_s * 1e6),
                load_kg=rep.load_kg,
                depth_mm=round(rep.bottom_mm, 2),
                rom_mm=round(rep.rom_mm, 2),
                work_j=round(work_j, 1),
                share_of_1rm=round(rep.share_of_1rm, 3),
                limit_mm=limit_mm,
                limit_tier=None if limit_mm is None else "calibrated",
                over_mm=None if over_mm is None else round(over_mm, 2),
            )
        for expected in (excessive_depth(reps, limit_mm), workload_spike(ratio)):
            if expected is not None:
                self._line(
                    "finding",
                    rule=expected.rule,
                    session=session,
                    user=lifter.user,
                    severity=expected.severity,
                    near=expected.near,
                )
        if self._file is not None:
            self._file.flush()
        return sum(works)

    def _line(self, kind: str, **fields: Any) -> None:
        if self._file is not None:
            self._file.write(msgspec.json.encode({"kind": kind, **fields}) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
