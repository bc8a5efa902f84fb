"""A session while it lasts: reps as they happen, and what is to be said about them. Provisional until it is closed."""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sledwatch.events import Online, Rep, Setup
from sledwatch.findings import EXCESSIVE_OVER_MM, Finding
from sledwatch.limits import LIMITING_TIERS, DepthLimit, LimitBook, ReferenceLoad, Sex
from sledwatch.protocol import Cap, Protocol, cap_of
from sledwatch.reps import Now, RepTracker, Span
from sledwatch_analytics.closing.judging import judge_depth
from sledwatch_analytics.live.tiring import Tiring
from sledwatch_analytics.measured import Pressing, Samples, joined
from sledwatch_storage.state.machines import as_said

CueKind = Literal["caution", "excessive", "fatigue"]

# Samples are kept this long to measure a rep when its end is certain; nobody takes longer over one.
KEPT_US: Final = 90 * 1_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """What live analysis knows of whoever is badged in.

    name: to be shown; the pseudonym where staff gave none. reference: what loads on the machine are measured against,
    None where nothing is known.
    """

    user: str
    name: str
    sex: Sex | None
    book: LimitBook
    protocol: Protocol | None
    reference: ReferenceLoad | None

    @property
    def height_mm(self) -> float | None:
        """Body height."""
        return self.book.height_mm


@dataclass(frozen=True, slots=True)
class Advance:
    """What a run of samples brought. finding: excessive depth, where it is new or has changed since the last run."""

    reps: list[Rep]
    cue: CueKind | None = None
    cue_depth_mm: float = 0.0
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the depth rule was last applied to: once for each rep that goes past the limit, and when it is told."""

    told: int
    past: bool
    far_past: bool


@dataclass
class LiveSession:
    """One session. member: None while nobody knows who it is; then there is no limit either.

    limit: the depth limit that holds now; cap: what the machine is told, the limit or where a protocol ends before it.
    now: where the sled is, and in which rep and set. doubtful: the machine's depth sensor is not to be relied on.
    Findings are of a nameless member, as of `judging`.
    """

    session: str
    gym: str
    machine: str
    start_us: int
    online: Online
    member: Member | None = None
    setups: list[tuple[int, Setup]] = field(default_factory=list)
    reps: list[Rep] = field(default_factory=list)
    newest_us: int = 0
    limit: DepthLimit | None = None
    cap: Cap | None = None
    doubtful: bool = False
    _tracker: RepTracker = field(default_factory=RepTracker)
    _kept: deque[Samples] = field(default_factory=deque)
    _cued: tuple[int, CueKind] | None = None
    _seen: _Seen = field(default_factory=lambda: _Seen(0, past=False, far_past=False))
    _excessive: Finding | None = None
    _tiring: Tiring = field(default_factory=Tiring)

    def __post_init__(self) -> None:
        self.now: Now = self._tracker.now

    @property
    def setup(self) -> Setup | None:
        """How the machine is set now."""
        return self.setups[-1][1] if self.setups else None

    @property
    def deepest_mm(self) -> float | None:
        """The deepest bottom of the set in progress."""
        now = self.now
        bottoms = [rep.depth_mm for rep in self.reps if rep.set == now.set]
        if now.descending_bottom_mm is not None:
            bottoms.append(now.descending_bottom_mm)
        return max(bottoms, default=None)

    @property
    def tired(self) -> bool:
        """Whether the set in progress has shown its member tired."""
        return self._tiring.shown_in(self.now.set)

    def set_up(self, from_us: int, setup: Setup) -> None:
        """The seat or the feet were set, from a time on."""
        if (from_us, setup) not in self.setups:
            self.setups = sorted([*self.setups, (from_us, setup)], key=lambda one: one[0])
            self._look_up()

    def meet(self, member: Member) -> None:
        """Who is badged in, with the limits that stand now."""
        self.member = member
        self._look_up()

    def describe(self, online: Online) -> None:
        """What the machine says it is."""
        self.online = online
        self._look_up()

    def push(self, samples: Samples) -> Advance:
        """Take in the next samples, in order."""
        if len(samples):
            self.newest_us = max(self.newest_us, int(samples.t_us[-1]))
        self._kept.append(samples)
        while self._kept and self._kept[0].t_us[-1] < self.newest_us - KEPT_US:
            self._kept.popleft()
        return self._advance(self._tracker.push(samples.t_us, samples.depth_mm, samples.load_kg))

    def finish(self) -> Advance:
        """The session is over."""
        return self._advance(self._tracker.finish())

    def _advance(self, told: list[Span]) -> Advance:
        new = self._measured(told) if told else []
        self.reps += new
        self.now = now = self._tracker.now
        finding = self._judge(now, newly_told=any(rep.over_mm is not None for rep in new))
        self._tiring.look(self.reps, new, None if self.member is None else self.member.reference)
        cue, cue_mm = self._cue(now), now.descending_bottom_mm or 0.0
        # Depth is more urgent: who is tired hears it with the next frame.
        if cue is None and (tired := self._tiring.say(now.set)) is not None:
            cue, cue_mm = "fatigue", tired.depth_mm
        return Advance(new, cue, cue_mm, finding)

    def _measured(self, told: list[Span]) -> list[Rep]:
        return [self._with_loss(rep) for rep in self._pressing().reps(joined(self._kept), told, causal=True)]

    def _with_loss(self, rep: Rep) -> Rep:
        """Velocity loss against the set so far: only the newest reps were measured together."""
        if rep.mean_velocity_m_s is None:
            return rep
        of_set = [other for other in self.reps if other.set == rep.set and other.quality == "ok"]
        best = max(other.mean_velocity_m_s or 0.0 for other in [*of_set, rep])
        return replace(rep, velocity_loss_pct=100 * (best - rep.mean_velocity_m_s) / best) if best > 0 else rep

    def _judge(self, now: Now, *, newly_told: bool) -> Finding | None:
        limit = self.limit
        if limit is None or limit.tier not in LIMITING_TIERS or self.member is None:
            return None
        over_mm = -1.0 if now.descending_bottom_mm is None else now.descending_bottom_mm - limit.limit_mm
        seen = _Seen(now.reps, past=over_mm > 0, far_past=over_mm > EXCESSIVE_OVER_MM)
        if not newly_told and (seen == self._seen or not seen.past):
            return None
        self._seen = seen
        reps = [*self.reps, self._in_progress(now)] if seen.past else self.reps
        findings = judge_depth(reps, self._pressing(), None, self.member.reference)
        found = next((one for one in findings if one.rule == "depth.excessive" and one.severity == "alert"), None)
        if found is None or found == self._excessive:
            return None
        self._excessive = found
        return found

    def _cue(self, now: Now) -> CueKind | None:
        cap, bottom_mm = self.cap, now.descending_bottom_mm
        if cap is None or bottom_mm is None or bottom_mm < cap.caution_mm:
            return None
        sets = [] if self._excessive is None else self._excessive.evidence["sets_excessive"]
        # A protocol ends where it ends; past a limit a rep is excessive only together with others, or far.
        over = bottom_mm > cap.depth_mm and (cap.limit is None or now.set in sets)
        kind: CueKind = "excessive" if over else "caution"
        rep = now.reps + 1
        if self._cued in {(rep, kind), (rep, "excessive")}:
            return None
        self._cued = (rep, kind)
        return kind

    def _in_progress(self, now: Now) -> Rep:
        """The rep in progress, as far as the rules look at it: it will not get shallower."""
        return Rep(
            session=self.session,
            user="" if self.member is None else self.member.user,
            gym=self.gym,
            machine=self.machine,
            set=now.set,
            rep=now.reps + 1,
            t_start_us=self.newest_us,
            t_turn_us=self.newest_us,
            t_end_us=self.newest_us,
            load_kg=now.load_kg or 0.0,
            depth_mm=now.descending_bottom_mm or 0.0,
            rom_mm=0.0,
            eccentric_s=0.0,
            concentric_s=0.0,
        )

    def _look_up(self) -> None:
        """Find the limit and the cap for what is known now."""
        self.limit = self._limit_of(self.setup)
        protocol = None if self.member is None else self.member.protocol
        ends_mm = None
        if protocol is not None and protocol.holds_at(max(self.newest_us, self.start_us)):
            ends_mm = protocol.deepest_mm(self.gym, self.machine, self._pressing().fit_of(self.setup))
        self.cap = cap_of(self.limit, ends_mm)

    def _limit_of(self, setup: Setup | None) -> DepthLimit | None:
        if self.member is None:
            return None
        return self.member.book.on(self.gym, self.machine, as_said(self.online), setup).limit

    def _pressing(self) -> Pressing:
        return Pressing(
            session=self.session,
            user="" if self.member is None else self.member.user,
            gym=self.gym,
            machine=self.machine,
            online=self.online,
            height_mm=None if self.member is None else self.member.height_mm,
            setups=self.setups,
            limit_of=self._limit_of,
            sex=None if self.member is None else self.member.sex,
        )
