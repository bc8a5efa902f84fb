"""What really happened, and which findings it entails: written down for `sledwatch score`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, NamedTuple, Self

import msgspec

from sledwatch.machine import LegFit, MachineSpec
from sledwatch_sim.equipment.models import Press
from sledwatch_sim.people import Lifter
from sledwatch_sim.performing import TrueRep, seen
from sledwatch_sim.scenarios.schema import Protocol
from sledwatch_sim.truth import sensors
from sledwatch_sim.truth.badges import two_on_a_badge
from sledwatch_sim.truth.depth import DEPTH_TOLERANCE_MM, caution, excessive_depth
from sledwatch_sim.truth.expected import Expected
from sledwatch_sim.truth.overuse import (
    LONG_WINDOW_US,
    TOLERANCE,
    Done,
    overuse,
    spike_ratio,
)
from sledwatch_sim.truth.pain import hurts, pain_reported

# The rules whose findings are foretold and scored; the services have no others that a truth could foretell.
RULES: Final = (
    "depth.excessive",
    "depth.caution",
    "protocol.breach",
    "badge.shared",
    "workload.spike",
    "workload.spacing",
    "workload.beginner",
    "workload.returning",
    "pain.reported",
)
HARD_LOSS_PCT: Final = 20.0
# What a load may be off before a protocol's cap is passed for sure.
LOAD_TOLERANCE_KG: Final = 1.0


def hard_sets(losses_pct: Iterable[Sequence[float]]) -> tuple[int, int]:
    """How many sets are hard, by the velocity losses of their reps: fewest and most, within 1 % of the threshold."""
    worst = [max(losses) for losses in losses_pct if losses]
    fewest, most = (sum(loss >= HARD_LOSS_PCT * (1.0 + off) for loss in worst) for off in (TOLERANCE, -TOLERANCE))
    return fewest, most


def done(press: Press, lifter: Lifter, start_us: int, end_us: int, reps: Sequence[TrueRep]) -> Done:
    """A session as overuse looks at it. Velocity loss is against the best rep of the set (Sánchez-Medina 2011)."""
    setup = lifter.setup(press)
    sets: dict[int, list[float]] = defaultdict(list)
    for rep, one in zip(reps, seen(reps), strict=True):
        sets[rep.set].append(one.mean_velocity_m_s)
    losses = [[100.0 * (max(speeds) - speed) / max(speeds) for speed in speeds] for speeds in sets.values()]
    return Done(
        start_us,
        end_us,
        sum(press.work_j(setup, rep.load_kg, rep.rom_mm) for rep in reps),
        max((rep.load_kg for rep in reps), default=0.0),
        hard_sets(losses),
    )


def entailed(
    lifter: Lifter,
    press: Press,
    now: Done,
    reps: Sequence[TrueRep],
    limit_mm: float | None,
    past: Sequence[Done] | None,
    *,
    shared: bool = False,
    protocol: Protocol | None = None,
    zone: tzinfo = UTC,
) -> list[Expected]:
    """What must be found in a session, `now`.

    past: all earlier ones, None where they are not known. shared: by two people, and what they did is nobody's
    workload. zone: of the gym.
    """
    lately = [one.top_load_kg for one in past or () if one.start_us >= now.start_us - LONG_WINDOW_US]
    deep = excessive_depth(reps, limit_mm, max(lately, default=0.0))
    found = [
        deep,
        caution(reps, limit_mm, deep),
        two_on_a_badge(reps),
        *(overuse(past, now, zone) if past is not None and not shared else ()),
        protocol and _breach(protocol, lifter, press, reps),
    ]
    sure = [one for one in found if one is not None]
    return [*sure, pain_reported(sure)] if lifter.feels_back and hurts(sure) else sure


class Told(NamedTuple):
    """What is told of a session: what counts of it for later ones, and when its lifter's back hurts, None for never."""

    done: Done
    pain_us: int | None


class Truth:
    """The file: a JSON object a line, of kind run, member, session, rep, finding, pain, unbadged or fault.

    A rep is told as the contract measures it: from the first to the last moment faster than 0.02 m/s. The contract's
    turn is the moment of the deepest sample, which lies anywhere in a dwell: `t_turn_us` is when the sled has come to
    its bottom, `t_push_us` when the push begins.

    No path, no file. zone: of the gyms, for what is counted by days.
    """

    def __init__(self, path: Path | None, zone: tzinfo = UTC) -> None:
        """Raises OSError when the file cannot be written."""
        self._file: IO[bytes] | None = path.open("wb") if path is not None else None
        self._zone = zone

    def run(self, scenario: str, gyms: Sequence[str], seed: int, start_us: int) -> None:
        """What was run; the first line."""
        self._line("run", scenario=scenario, gyms=gyms, seed=seed, start_us=start_us, rules=RULES + sensors.RULES)

    def member(
        self,
        lifter: Lifter,
        press: Press,
        gym: str,
        machine: str,
        *,
        limit_mm: float | None = None,
        protocol: Protocol | None = None,
    ) -> None:
        """Who took part."""
        self._line(
            "member",
            user=lifter.user,
            name=lifter.name,
            sex=lifter.sex,
            height_mm=lifter.height_mm,
            femur_mm=round(lifter.femur_mm, 1),
            shank_mm=round(lifter.shank_mm, 1),
            temper=lifter.temper,
            obeys=lifter.obeys,
            bounces=lifter.bounces,
            feels_back=lifter.feels_back,
            gym=gym,
            machine=machine,
            one_rm_kg=round(lifter.one_rm_n / press.newtons_per_kg(lifter.setup(press)), 1),
            hip_range_deg=round(lifter.hip_range_deg(press), 1),
            habit_mm=round(lifter.habit_mm(press), 1),
            limit_mm=limit_mm,
            protocol=protocol,
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
        past: Sequence[Done] | None,
        friend: Lifter | None = None,
        protocol: Protocol | None = None,
        of_machine: Sequence[Expected] = (),
        doubtful: bool = False,
        pain_after_us: int = 0,
    ) -> Told:
        """A session that is over, its reps and what must be found in it.

        past: all earlier sessions, or None where they are not known and nothing of workload can be foretold. friend:
        whoever else was on this badge; what two people did is nobody's workload. of_machine: what the session entails
        for its machine. doubtful: its depth sensor may be so far off that alerts about depth are withheld.
        pain_after_us: how long after the session a back hurts that does.
        """
        now = done(press, lifter, start_us, end_us, reps)
        alone = past is not None and friend is None
        before = [(one.start_us, one.work_j) for one in past or ()]
        ratio = spike_ratio(before, start_us, now.work_j) if alone else None
        where = {"session": session, "user": lifter.user, "gym": gym, "machine": machine}
        self._line(
            "session",
            **where,
            start_us=start_us,
            end_us=end_us,
            reps=len(reps),
            work_j=round(now.work_j, 1),
            spike=ratio and round(ratio, 3),
            limit_mm=limit_mm,
            shared_with=friend and friend.user,
        )
        self._reps(where, lifter, friend, press, start_us, reps, limit_mm)
        shared = friend is not None
        found = entailed(lifter, press, now, reps, limit_mm, past, shared=shared, protocol=protocol, zone=self._zone)
        for expected in found:
            unsaid = doubtful and expected.severity == "alert" and expected.rule.startswith(("depth.", "pain."))
            self._finding(replace(expected, severity_near=True) if unsaid else expected, session, lifter.user)
        for expected in of_machine:
            self._finding(expected, session, None)
        pain_us = end_us + pain_after_us if lifter.feels_back and hurts(found) else None
        if pain_us is not None:
            self.pain(lifter, session, pain_us)
        self._flush()
        return Told(now, pain_us)

    def pain(self, lifter: Lifter, session: str, at_us: int) -> None:
        """Somebody's back hurts after a session in which they went too deep."""
        self._line("pain", user=lifter.user, session=session, at_us=at_us, where="back")

    def unbadged(
        self,
        *,
        lifter: Lifter,
        press: Press,
        gym: str,
        machine: str,
        start_us: int,
        end_us: int,
        reps: Sequence[TrueRep],
    ) -> None:
        """Somebody trained and nobody knows who it was."""
        where = {"session": None, "user": None, "gym": gym, "machine": machine}
        self._line("unbadged", **where, start_us=start_us, end_us=end_us, reps=len(reps))
        self._reps(where, lifter, None, press, start_us, reps, None)
        self._flush()

    def fault(
        self, kind: str, gym: str, machine: str, from_us: int, to_us: int, detail: Mapping[str, float] | None = None
    ) -> None:
        """Something that was wrong with a machine or its network, and from when to when."""
        detail = dict(detail or {})
        self._line("fault", fault=kind, gym=gym, machine=machine, from_us=from_us, to_us=to_us, detail=detail)
        self._flush()

    def _reps(
        self,
        where: Mapping[str, str | None],
        lifter: Lifter,
        friend: Lifter | None,
        press: Press,
        start_us: int,
        reps: Sequence[TrueRep],
        limit_mm: float | None,
    ) -> None:
        setup = lifter.setup(press)
        for rep, one in zip(reps, seen(reps), strict=True):
            over_mm = None if limit_mm is None else rep.bottom_mm - limit_mm
            by = friend if rep.friends and friend is not None else lifter
            self._line(
                "rep",
                **where,
                by=by.user,
                set=rep.set,
                rep=rep.rep,
                t_start_us=start_us + round(one.start_s * 1e6),
                t_turn_us=start_us + round(rep.arrives_s * 1e6),
                t_push_us=start_us + round(rep.turn_s * 1e6),
                t_end_us=start_us + round(one.end_s * 1e6),
                load_kg=rep.load_kg,
                depth_mm=round(rep.bottom_mm, 2),
                rom_mm=round(rep.rom_mm, 2),
                mean_velocity_m_s=round(one.mean_velocity_m_s, 4),
                work_j=round(press.work_j(setup, rep.load_kg, rep.rom_mm), 1),
                share_of_1rm=round(rep.share_of_1rm, 3),
                limit_mm=limit_mm,
                limit_tier=None if limit_mm is None else "calibrated",
                over_mm=None if over_mm is None else round(over_mm, 2),
            )

    def _finding(self, expected: Expected, session: str, user: str | None) -> None:
        self._line(
            "finding",
            rule=expected.rule,
            session=session,
            user=user,
            severity=expected.severity,
            near=expected.near,
            severity_near=expected.severity_near,
            joined=expected.joined,
        )

    def _flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def _line(self, kind: str, **fields: Any) -> None:
        if self._file is not None:
            self._file.write(msgspec.json.encode({"kind": kind, **fields}) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


def _breach(protocol: Protocol, lifter: Lifter, press: Press, reps: Sequence[TrueRep]) -> Expected | None:
    """Outside the window, as the knee is estimated from height alone, or above the load cap."""
    setup = lifter.setup(press)
    fit = LegFit.of(MachineSpec.of(press.online, setup), setup, lifter.height_mm)
    low, high = protocol.knee_deg

    def outside(error_mm: float) -> Iterator[bool]:
        for rep in reps:
            angles = None if fit is None else fit.angles(rep.bottom_mm + error_mm)
            yield angles is not None and not low <= angles.knee_deg <= high

    over_kg = max((rep.load_kg - protocol.load_kg for rep in reps), default=0.0)
    shallower, deeper = list(outside(-DEPTH_TOLERANCE_MM)), list(outside(DEPTH_TOLERANCE_MM))
    if over_kg <= 0.0 and not any([*shallower, *deeper]):
        return None
    sure = over_kg > LOAD_TOLERANCE_KG or any(both == (True, True) for both in zip(shallower, deeper, strict=True))
    return Expected("protocol.breach", "warn", near=not sure)
