"""A machine that is worked by keys: what each key does, the samples that come of it, and when its frames go.

No terminal, no clock, no network: it is told the time, and speaks to what carries its messages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import numpy as np

from sledwatch import events
from sledwatch_sim.by_hand.keys import Key, Step
from sledwatch_sim.by_hand.sled import NUDGE_MM, Sled, Stroke
from sledwatch_sim.equipment.models import Press
from sledwatch_sim.equipment.sensors import SensorAtWork

# How much a key changes (judgement).
_TARGET_STEP_MM: Final = 10.0
_LEAST_TARGET_MM: Final = 120.0
_LEFT_OF_TRAVEL_MM: Final = 10.0
TEMPOS_S: Final = (0.8, 1.2, 1.6, 2.2, 3.0, 4.0)
_TEMPO_S: Final = (0.5, 10.0)
# Of the way down: how long the pause below and the way up take; the pause is never longer than this.
_DWELL, _MOST_DWELL_S, _UP = 0.1, 0.4, 0.6
# How deep whole reps go at first, of the travel.
_FIRST_TARGET: Final = 0.55
# Not looked at for longer than this: the machine slept, and took no samples; or somebody set the clock.
_SLEPT_US: Final = 6_000_000
# The lamp shows the worst of the last second, so that an eye can follow.
_LAMP_US: Final = 1_000_000
# A repetition as the machine itself counts: so far down, and this share of it up again.
_COUNTED_MM: Final = 80.0
_COUNTED_UP: Final = 0.6
_END: Final = {True: "the end of its travel", False: "no rep is shorter"}


class Light(StrEnum):
    """What the machine itself shows: nothing while it knows no limit."""

    OFF = "off"
    GREEN = "green"
    CAUTION = "caution"
    OVER = "over"


_SEVERITY: Final = list(Light)


class Wire(Protocol):
    """What carries its messages: a `Device`."""

    limit: events.Limit | None

    @property
    def session(self) -> str | None:
        """The session in progress."""

    def badge_in(self, session: str, user: str, t_us: int, setup: events.Setup) -> None:
        """Somebody begins."""

    def set_up(self, t_us: int, setup: events.Setup) -> None:
        """The seat is changed within the session."""

    def frame(self, t_us: int, dt_us: int, depth_mm: list[float | None], load_kg: float | list[float]) -> None:
        """A run of samples."""

    def badge_out(self, t_us: int, reason: str = "badge_out") -> None:
        """The session ends."""

    def reboot(self, boot: str) -> None:
        """Power off and on."""

    def unplug(self) -> None:
        """The cable is pulled."""

    def plug_in(self) -> None:
        """It is back."""


@dataclass(frozen=True, slots=True)
class OwnRep:
    """A repetition as the machine itself counted it. limit_mm: as it knew it then."""

    bottom_mm: float
    limit_mm: float | None

    @property
    def over(self) -> bool:
        """Whether it went beyond the limit."""
        return self.limit_mm is not None and self.bottom_mm > self.limit_mm


class MachineByHand:
    """A leg press and whoever works it.

    sensor: what it sees of the sled; its times count from start_us. new_id: makes session ids and boots. frame_s: how
    long a frame is. Call `advance` often, and before each `do`.
    """

    def __init__(
        self,
        press: Press,
        wire: Wire,
        sensor: SensorAtWork,
        start_us: int,
        new_id: Callable[[], str],
        user: str,
        load_kg: float | None = None,
        frame_s: float = 1.0,
    ) -> None:
        self.press = press
        self.user = user
        self.sled = Sled(press.online.travel_mm, press.free_braking_m_s2)
        self.load_kg = press.load_near(press.empty_kg + 60.0 if load_kg is None else load_kg)
        self.target_mm = round(_FIRST_TARGET * press.online.travel_mm, -1)
        self.tempo_s = 1.6
        self.notch = press.notches // 3
        self.plugged_in = True
        self.light = Light.OFF
        self.sessions: list[str] = []
        self.began_us = start_us  # the present session, or the last one
        self.reps: list[OwnRep] = []  # of the present session, or the last one
        self.all_reps = self.all_over = 0
        self.said = 0
        self._wire = wire
        self._sensor = sensor
        self._start_us = start_us
        self._new_id = new_id
        self._frame_samples = max(1, round(frame_s * press.rate_hz))
        self._next_us = start_us
        self._frame_us = start_us
        self._depth_mm: list[float | None] = []
        self._load_kg: list[float] = []
        self._leaving = False
        self._lamp_until_us = 0
        self._top_mm = self._bottom_mm = 0.0
        self._keys: dict[Key, Callable[[], str]] = {
            Key.BADGE: self._badge,
            Key.REP: self._rep,
            Key.DOWN: lambda: self._nudge(NUDGE_MM),
            Key.UP: lambda: self._nudge(-NUDGE_MM),
            Key.DEEPER: lambda: self._aim(self.target_mm + _TARGET_STEP_MM),
            Key.SHALLOWER: lambda: self._aim(self.target_mm - _TARGET_STEP_MM),
            Key.SLOWER: lambda: self._pace(next((s for s in TEMPOS_S if s > self.tempo_s), TEMPOS_S[-1])),
            Key.FASTER: lambda: self._pace(next((s for s in reversed(TEMPOS_S) if s < self.tempo_s), TEMPOS_S[0])),
            Key.MORE: lambda: self._put_on(self.load_kg + press.step_kg),
            Key.LESS: lambda: self._put_on(self.load_kg - press.step_kg),
            Key.NOTCH_UP: lambda: self._set_notch(self.notch + 1),
            Key.NOTCH_DOWN: lambda: self._set_notch(self.notch - 1),
            Key.CABLE: self._cable,
            Key.REBOOT: self._reboot,
        }
        self._settings: dict[Key, Callable[[float], str]] = {
            Key.TARGET: self._aim,
            Key.TEMPO: self._pace,
            Key.LOAD: self._put_on,
            Key.NOTCH: self._set_notch,
        }

    @property
    def setup(self) -> events.Setup:
        """How the seat is set."""
        return events.Setup(self.press.online.backrest_deg, self.notch, 2)

    @property
    def in_session(self) -> bool:
        """Whether somebody is badged in."""
        return self._wire.session is not None

    @property
    def free(self) -> bool:
        """Whether nothing is under way that a next step should wait for."""
        return self.sled.still and not self._leaving

    def advance(self, now_us: int) -> None:
        """Take all samples that are due; send the frames that are full."""
        dt_us = self.press.dt_us
        away = abs(now_us - self._next_us) > _SLEPT_US
        if self._asleep or away:
            self._flush()
            self._next_us = now_us if away else max(self._next_us, now_us)
            return
        due = (now_us - self._next_us) // dt_us
        while due > 0 and not self._asleep:
            taken = self._sample(min(due, self._frame_samples - len(self._depth_mm)))
            due -= taken
            if len(self._depth_mm) >= self._frame_samples:
                self._flush()
            if self._leaving and self.sled.still:
                self._badge_out("badge_out")
        if self._asleep:
            self._flush()

    def do(self, step: Step) -> str:
        """Do what a key says; returns what came of it, in a few words.

        Raises KeyError for a step that it does not know, and ValueError for a name that cannot be.
        """
        if isinstance(step.value, str):
            return self._set_user(step.value)
        if step.value is not None:
            return self._settings[step.key](step.value)
        return self._keys[step.key]()

    def finish(self) -> None:
        """Rack the sled and take the badge out; `free` tells when that is done."""
        if self.in_session:
            self._leaving = True
        self.sled.rack()

    def end_now(self) -> None:
        """Take the badge out where the sled stands."""
        self._leaving = False
        if self.in_session:
            self._badge_out("badge_out")
        self._flush()

    @property
    def _asleep(self) -> bool:
        """Nothing is sent while nobody is badged in and the sled rests."""
        return not self.in_session and self.sled.still

    def _badge(self) -> str:
        if self._leaving:
            return "the sled is being racked first"
        if self.in_session and self.sled.racked and self.sled.still:
            self.end_now()
            return "badge out"
        if self.in_session:
            self.finish()
            return "racking the sled, then the badge is out"
        self._flush()
        session = self._new_id()
        self.sessions.append(session)
        self.began_us = self._next_us
        self.reps = []
        self._wire.badge_in(session, self.user, self._next_us, self.setup)
        self.said += 1
        return f"{self.user} is badged in"

    def _set_user(self, name: str) -> str:
        if not events.is_name(name):
            raise ValueError(f"user {name!r}: expected lower-case letters, digits, - and _, at most 64")
        if self.in_session:
            return f"{self.user} is badged in: badge out first"
        self.user = name
        return f"the next session is {name}'s"

    def _rep(self) -> str:
        if self._leaving:
            return "the sled is being racked"
        dwell_s = min(_MOST_DWELL_S, _DWELL * self.tempo_s)
        self.sled.stroke(Stroke(self.target_mm, self.tempo_s, dwell_s, _UP * self.tempo_s))
        return f"a rep to {self.target_mm:.0f} mm"

    def _nudge(self, by_mm: float) -> str:
        if self._leaving:
            return "the sled is being racked"
        self.sled.nudge(by_mm)
        return ""

    def _aim(self, mm: float) -> str:
        most_mm = self.press.online.travel_mm - _LEFT_OF_TRAVEL_MM
        self.target_mm = min(max(mm, _LEAST_TARGET_MM), most_mm)
        return f"reps go to {self.target_mm:.0f} mm" + (f", {_END[mm > most_mm]}" if mm != self.target_mm else "")

    def _pace(self, seconds: float) -> str:
        self.tempo_s = min(max(seconds, _TEMPO_S[0]), _TEMPO_S[1])
        return f"{self.tempo_s:g} s down, {_UP * self.tempo_s:.1f} s up"

    def _put_on(self, kg: float) -> str:
        if not self.sled.still:
            return "plates are changed while the sled rests"
        self.load_kg = self.press.load_near(kg)
        return f"load {self.load_kg:g} kg"

    def _set_notch(self, number: float) -> str:
        notch = min(max(round(number), 0), self.press.notches)
        if notch != self.notch:
            self.notch = notch
            if self.in_session:
                self._flush()
                self._wire.set_up(self._next_us, self.setup)
                self.said += 1
        return f"seat notch {self.notch}"

    def _cable(self) -> str:
        self.plugged_in = not self.plugged_in
        if self.plugged_in:
            self._wire.plug_in()
            return "the cable is back"
        self._wire.unplug()
        return "the cable is cut: what is sent is held"

    def _reboot(self) -> str:
        """What was not sent yet goes with the power, and nobody says goodbye."""
        self._depth_mm, self._load_kg = [], []
        self._leaving = False
        self.light = Light.OFF
        self._wire.reboot(self._new_id())
        return "the power was gone for a moment: a new boot, nobody is badged in"

    def _badge_out(self, reason: str) -> None:
        self._leaving = False
        self._flush()
        self._wire.badge_out(self._next_us, reason)
        self.said += 1
        self.light = Light.OFF

    def _sample(self, count: int) -> int:
        """Take as many samples as are asked for, or fewer where something ends before; returns how many."""
        dt_s = self.press.dt_us / 1e6
        true_mm: list[float] = []
        while len(true_mm) < count:
            self.sled.step(dt_s)
            true_mm.append(self.sled.depth_mm)
            self._count(self.sled.depth_mm)
            if self.sled.still and (self._leaving or self._asleep):
                break
        t_us = self._next_us + self.press.dt_us * np.arange(len(true_mm))
        read = self._sensor.read((t_us - self._start_us) / 1e6, np.array(true_mm), self.load_kg)
        if not self._depth_mm:
            self._frame_us = self._next_us
        depths = [None if mm != mm else mm for mm in read.depth_mm.tolist()]  # noqa: PLR0124 - NaN
        self._depth_mm += depths
        self._load_kg += read.load_kg.tolist()
        self._next_us += self.press.dt_us * len(true_mm)
        for mm in depths:
            if mm is not None:
                self._judge(mm)
        return len(true_mm)

    def _judge(self, mm: float) -> None:
        """The lamp: by the limit that the machine was told, and by nothing else."""
        limit = self._wire.limit
        now = Light.OFF
        if limit is not None and limit.limit_mm is not None:
            caution_mm = limit.limit_mm if limit.caution_mm is None else limit.caution_mm
            now = Light.OVER if mm > limit.limit_mm else Light.CAUTION if mm >= caution_mm else Light.GREEN
        if _SEVERITY.index(now) >= _SEVERITY.index(self.light) or self._next_us >= self._lamp_until_us:
            self.light = now
            self._lamp_until_us = self._next_us + _LAMP_US

    def _count(self, mm: float) -> None:
        self._bottom_mm = max(self._bottom_mm, mm)
        down_mm = self._bottom_mm - self._top_mm
        if down_mm >= _COUNTED_MM and self._bottom_mm - mm >= _COUNTED_UP * down_mm:
            limit = self._wire.limit
            self.reps.append(OwnRep(self._bottom_mm, None if limit is None else limit.limit_mm))
            self.all_reps += 1
            self.all_over += self.reps[-1].over
            self._top_mm = self._bottom_mm = mm
        elif down_mm < _COUNTED_MM:
            self._top_mm = min(self._top_mm, mm)
            self._bottom_mm = max(self._top_mm, mm)

    def _flush(self) -> None:
        """Send what was sampled."""
        if self._depth_mm:
            depths, loads = self._depth_mm, self._load_kg
            self._depth_mm, self._load_kg = [], []
            # One that is mostly missing would be refused.
            if depths.count(None) * 2 <= len(depths):
                one_load = min(loads) == max(loads)
                self._wire.frame(self._frame_us, self.press.dt_us, depths, loads[0] if one_load else loads)
                self.said += 1
