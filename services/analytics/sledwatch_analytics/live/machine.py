"""A machine as the floor sees it: what it said last, who is on it, and the tile that shows both."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from sledwatch.events import Alert, Frame, Online, SessionStart
from sledwatch_analytics.live.session import LiveSession
from sledwatch_analytics.measured import end_us
from sledwatch_storage.state.alerts import at
from sledwatch_storage.state.machines import ASSUMED_MACHINE

TRACK_POINTS: Final = 12
# Half an hour at 50 Hz; what is older of a session taken up late, only its closing counts.
BUFFERED_SAMPLES: Final = 90_000


@dataclass
class FloorMachine:
    """A machine as the floor sees it.

    since_us: when its state last changed. announced: starts of sessions that began long ago, and may be over long
    since: they are taken up by a frame of now, with the buffered frames that came before it. track_mm: depths of the
    last frame, thinned.
    """

    gym: str
    machine: str
    online: Online | None = None
    boot: str | None = None
    last_seq: int = -1
    is_online: bool = False
    seen_us: int | None = None
    since_us: int | None = None
    session: LiveSession | None = None
    alert: Alert | None = None
    ended: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    announced: deque[SessionStart] = field(default_factory=lambda: deque(maxlen=8))
    buffered: deque[Frame] = field(default_factory=deque)
    buffered_samples: int = 0
    asked_us: int = 0
    depth_mm: float | None = None
    load_kg: float | None = None
    t_us: int | None = None
    track_mm: list[float] = field(default_factory=list)
    told_s: float = 0.0

    @property
    def kind_of_machine(self) -> Online:
        """What it is, by its own word, or as far as is assumed until that comes."""
        return self.online or ASSUMED_MACHINE

    def keep(self, frame: Frame) -> None:
        """Put a buffered frame by, for the case that its session, announced long ago, is still going on."""
        if any(start.session == frame.session for start in self.announced):
            if self.buffered and self.buffered[-1].session != frame.session:
                self._forget_buffered()
            self.buffered.append(frame)
            self.buffered_samples += len(frame.depth_mm)
            while self.buffered_samples > BUFFERED_SAMPLES:
                self.buffered_samples -= len(self.buffered.popleft().depth_mm)

    def kept_of(self, session: str) -> list[Frame]:
        """The frames put by of a session, ascending; none are left."""
        kept = [frame for frame in self.buffered if frame.session == session]
        self._forget_buffered()
        return kept

    def _forget_buffered(self) -> None:
        self.buffered.clear()
        self.buffered_samples = 0

    def draw(self, frame: Frame) -> None:
        """Take what a frame says of sled and load into the picture."""
        present = [depth for depth in frame.depth_mm if depth is not None]
        if present:
            self.depth_mm = present[-1]
            step = max(1, -(-len(present) // TRACK_POINTS))
            # The last point is the sled's place now.
            self.track_mm = present[::-1][::step][:TRACK_POINTS][::-1]
        self.load_kg = frame.load_kg[-1] if isinstance(frame.load_kg, list) else frame.load_kg
        self.t_us = end_us(frame)

    def tile(self) -> dict[str, Any]:
        """The machine as the API and the stream show it."""
        session, online = self.session, self.online
        member = None if session is None else session.member
        cap = None if session is None else session.cap
        now = None if session is None else session.now
        deepest_mm = None if session is None else session.deepest_mm
        state = "offline" if not self.is_online else "in_use" if session is not None else "free"
        return {
            "gym": self.gym,
            "machine": self.machine,
            "kind": None if online is None else online.kind,
            "model": None if online is None else online.model,
            "status": "online" if self.is_online else "offline",
            "state": state,
            "last_seen_at": _iso(self.seen_us),
            "user": None if member is None else member.user,
            "user_name": None if member is None or member.name == member.user else member.name,
            "session": None if session is None else session.session,
            "since_at": _iso(self.since_us),
            "load_kg": self.load_kg,
            "depth_mm": self.depth_mm,
            "deepest_mm": None if deepest_mm is None else round(deepest_mm, 1),
            # The smaller of the depth limit and a protocol's end, which has no tier.
            "limit_mm": None if cap is None else cap.depth_mm,
            "caution_mm": None if cap is None else cap.caution_mm,
            "limit_tier": None if cap is None or cap.limit is None else cap.limit.tier,
            "set": None if now is None else now.set,
            "reps": 0 if now is None else now.reps,
            "set_reps": 0 if now is None else now.set_reps,
            "travel_mm": None if online is None else online.travel_mm,
            "over": cap is not None and deepest_mm is not None and deepest_mm > cap.depth_mm,
            "tired": session is not None and session.tired,
            "track_mm": self.track_mm,
            "t_us": self.t_us,
        }


def _iso(time_us: int | None) -> str | None:
    return None if time_us is None else at(time_us).isoformat().replace("+00:00", "Z")
