"""A simulated leg press and whoever is in it, at a test's word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np

from sledwatch import events
from sledwatch_sim.equipment.models import MODELS, Press
from sledwatch_sim.equipment.sensors import Sensor, SensorAtWork
from sledwatch_sim.equipment.travel import Pen
from sledwatch_sim.people import Lifter, PlannedSet, Stroke, lifter
from sledwatch_sim.performing import Stretch, perform_set
from sledwatch_sim.programmes import Ids
from sledwatch_sim.testing.broker import Message, VirtualBroker
from sledwatch_sim.testing.clock import VirtualClock
from sledwatch_sim.visits import Eye
from sledwatch_sim.wire.conditions import Conditions, Passage
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Timer
from sledwatch_sim.wire.ring import CAPACITY

# Whoever obeys the light turns so far before it.
_BEFORE_THE_LIGHT_MM: Final = 5.0
_SHALLOWEST_MM: Final = 30.0
_MOST_REPS: Final = 100
_LONGEST_S: Final = 60.0
_QUICKEST_S: Final = 0.3


class Tempo(NamedTuple):
    """How a rep is timed, in seconds: down, still at the bottom, up, and still at the top."""

    eccentric_s: float = 2.0
    dwell_s: float = 0.3
    concentric_s: float = 1.0
    pause_s: float = 0.5


@dataclass(frozen=True, slots=True)
class DoneRep:
    """A rep as it truly was, whatever the sensors saw of it; fields as the contract's Rep has them.

    set, rep: counted within the stay at the machine, from 1. t_turn_us: when the push began. depth_mm: at the bottom.
    rom_mm: of the concentric.
    """

    set: int
    rep: int
    t_start_us: int
    t_turn_us: int
    t_end_us: int
    load_kg: float
    depth_mm: float
    rom_mm: float


class SetUnderWay:
    """A set that was begun. reps: those that are over and sent."""

    def __init__(self, stretches: Iterator[Stretch], begun_us: int) -> None:
        self.reps: list[DoneRep] = []
        self.over = False
        self.stretches = stretches
        self.begun_us = begun_us


@dataclass(frozen=True, slots=True)
class _Asked:
    """A lifter who does what a test asks of them, and what it leaves open as they please."""

    lifter: Lifter
    depth_mm: Sequence[float] | None
    tempo: Tempo | None

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
        stroke = self.lifter.stroke(press, planned, tired, rep, top_mm, light_mm, rng)
        if self.depth_mm is not None:
            bottom_mm = self.depth_mm[rep]
            if self.lifter.obeys and light_mm is not None:
                bottom_mm = min(bottom_mm, light_mm - _BEFORE_THE_LIGHT_MM)
            slower = (bottom_mm - stroke.end_mm) / (stroke.bottom_mm - stroke.end_mm)
            stroke = replace(stroke, bottom_mm=bottom_mm, concentric_s=max(_QUICKEST_S, slower * stroke.concentric_s))
        return stroke if self.tempo is None else replace(stroke, **self.tempo._asdict())


class SimulatedPress:
    """A leg press that says what a real one would, while a virtual clock goes by.

    It is made by the fixture `press`. It is switched on, and nobody is at it:

    >>> def test_a_set_is_counted(press):
    ...     machine = press(seed=7)
    ...     machine.badge_in("m-1042")
    ...     machine.do_set(reps=8, depth_mm=420.0, load_kg=122.0)
    ...     machine.badge_out()
    ...     counted = my_counter([message.payload for message in machine.messages if message.kind == "frame"])
    ...     assert 8 == counted

    A frame comes with each second that goes by while somebody is badged in or the sled moves. The same seed and the
    same calls give the same bytes.

    sensor, network: what is the matter with it and with its way to the broker; they can be changed at any time with
    `wear` and `disturb`. obeys: whoever is in it turns before the light of a `limit`. cues: what it was told to show.
    """

    def __init__(
        self,
        broker: VirtualBroker,
        gym: str,
        name: str,
        *,
        model: str = "LP-45",
        rate_hz: float = 50.0,
        seed: int = 1,
        number: int = 0,
        obeys: bool = False,
        sensor: Sensor | None = None,
        network: Conditions | None = None,
        capacity: int = CAPACITY,
    ) -> None:
        """Raises ValueError for a model, rate, name or condition that cannot be."""
        if model not in MODELS:
            raise ValueError(f"model {model!r}: expected one of {', '.join(MODELS)}")
        clock = broker.clock
        self.gym = gym
        self.name = name
        self.model = MODELS[model].at_rate(rate_hz)
        self.lifter = lifter(seed, number, f"m-{seed}-{number}", obeys=obeys)
        self.cues: list[events.Cue] = []
        self._broker = broker
        self._clock = clock
        self._start_us = clock()
        self._ids = Ids(seed)
        self._number = number
        self._boots = 1
        self._taken = 0
        self._sensor = SensorAtWork(sensor or Sensor(), (seed, number), clock())
        self._passage = Passage(
            network or Conditions(), (seed, number), clock, clock(), lambda t_us: (t_us - clock()) / 1e6
        )
        self._device = Device(
            clock,
            broker.carrier,
            gym,
            name,
            self.model.online,
            self._ids.boot(number, clock()),
            capacity=capacity,
            on_cue=self.cues.append,
            passage=self._passage,
            clock_us=clock,
        )
        self._stay: _Stay | None = None
        self._device.switch_on()
        clock.advance()

    # What it has said, and what it knows.

    @property
    def messages(self) -> list[Message]:
        """All that it has said, in the order in which the broker got it."""
        below = f"{events.ROOT}/{self.gym}/{self.name}/"
        return [message for message in self._broker.messages if message.topic.startswith(below)]

    def take(self) -> list[Message]:
        """What it has said since this was last asked."""
        said = self.messages
        new, self._taken = said[self._taken :], len(said)
        return new

    @property
    def boot(self) -> str:
        """The present boot."""
        return self._device.boot

    @property
    def session(self) -> str | None:
        """The session in progress."""
        return self._device.session

    @property
    def connected(self) -> bool:
        """Whether the broker knows it."""
        return self._device.connected

    @property
    def unstored(self) -> int:
        """How many messages it keeps because nobody said that they are stored."""
        return self._device.unstored

    @property
    def lost(self) -> int:
        """How many it had to give up: no room left, or asked for three times in vain."""
        return self._device.lost

    @property
    def limit(self) -> events.Limit | None:
        """The limit that it was told for the session in progress; where its light comes on."""
        return self._device.limit

    # What people do at it.

    def badge_in(self, user: str | None = None, *, session: str | None = None, notch: int | None = None) -> str:
        """Somebody begins, as their badge says. Returns the session's id. Raises RuntimeError where somebody is there.

        user, session, notch: the lifter's own, an id by the seed, and as the lifter's legs are long, where not said.
        """
        if self._stay is not None:
            raise RuntimeError(f"somebody is at {self.gym}/{self.name}: badge_out() first")
        setup = self.lifter.setup(self.model)
        session = session or self._ids.session(self.lifter, self._clock())
        self._device.badge_in(
            session,
            user or self.lifter.user,
            self._clock(),
            setup if notch is None else msgspec.structs.replace(setup, notch=notch),
        )
        self._stay = _Stay(self, self._device, self._sensor, self._clock, self._start_us, badged=True)
        return session

    def set_up(self, **changes: Any) -> None:
        """Change the seat or the feet within the session: backrest_deg, notch, foot_row, foot_offset_mm."""
        setup = msgspec.structs.replace(self.lifter.setup(self.model), **changes)
        self._device.set_up(self._clock(), setup)

    def begin_set(
        self,
        reps: int = 8,
        *,
        depth_mm: float | Sequence[float] | None = None,
        load_kg: float | None = None,
        tempo: Tempo | tuple[float, float, float, float] | None = None,
    ) -> SetUnderWay:
        """Begin a set, which goes on as time goes by. Without a badge its frames belong to no session.

        depth_mm: of each bottom, or of each rep's. tempo: seconds down, below, up, above. What is not said is as the
        lifter would: their depth and its spread, their load, slower as they tire. Raises ValueError for what the
        machine cannot do, RuntimeError while another set is going on.
        """
        if self._stay is not None and self._stay.pressing:
            raise RuntimeError("a set is going on: let time go by until it is over")
        asked = _Asked(self.lifter, self._depths(reps, depth_mm), None if tempo is None else _tempo(tempo))
        planned = self._planned(reps, load_kg)
        if self._stay is None:
            self._stay = _Stay(self, self._device, self._sensor, self._clock, self._start_us, badged=False)
        return self._stay.begin(asked, planned)

    def do_set(
        self,
        reps: int = 8,
        *,
        depth_mm: float | Sequence[float] | None = None,
        load_kg: float | None = None,
        tempo: Tempo | tuple[float, float, float, float] | None = None,
    ) -> list[DoneRep]:
        """Begin a set, and let time go by until its last frame is sent; returns what truly happened."""
        under_way = self.begin_set(reps, depth_mm=depth_mm, load_kg=load_kg, tempo=tempo)
        self._clock.run(lambda: under_way.over)
        return under_way.reps

    def badge_out(self, reason: str = "badge_out") -> None:
        """The session ends: badge_out, timeout or reboot. Raises RuntimeError when there is none."""
        if self._device.session is None:
            raise RuntimeError(f"nobody is badged in at {self.gym}/{self.name}")
        if self._stay is not None:
            self._stay.end()
        self._device.badge_out(self._clock(), reason)

    # What befalls it.

    def wear(self, **changes: Any) -> None:
        """Change its sensors from now on, by the names of `Sensor`: noise_mm, dropout, drift_mm_per_h, …

        Spans of time are counted in seconds since the machine was made; for those that begin now see `stick`, `blind`
        and `slip`. Raises ValueError for what cannot be.
        """
        self._sensor.sensor = replace(self._sensor.sensor, **changes)

    def stick(self, for_s: float) -> None:
        """The encoder goes on showing what it showed last."""
        self.wear(stuck=(*self._sensor.sensor.stuck, self._span(for_s)))

    def blind(self, for_s: float) -> None:
        """The encoder shows nothing."""
        self.wear(blind=(*self._sensor.sensor.blind, self._span(for_s)))

    def slip(self, by_mm: float) -> None:
        """The encoder reads so much deeper from now on."""
        self.wear(slip_mm_at=(*self._sensor.sensor.slip_mm_at, (self._since_s(), by_mm)))

    def disturb(self, **changes: Any) -> None:
        """Change its network or its clock from now on, by the names of `Conditions`: loss, repeat, latency_ms, …

        Raises ValueError for what cannot be, and for `offline` and `cuts_s`: see `unplug` and `cut`.
        """
        wrong = changes.keys() & {"offline", "cuts_s"}
        if wrong:
            raise ValueError(f"{', '.join(sorted(wrong))}: expected unplug(), plug_in() or cut() at the time")
        self._passage.conditions = replace(self._passage.conditions, **changes)

    def cut(self) -> None:
        """The connection breaks without a word, and comes back by itself."""
        self._device.cut()

    def unplug(self) -> None:
        """The cable is pulled: what is sent meanwhile is kept."""
        self._device.unplug()

    def plug_in(self) -> None:
        """The cable is put back."""
        self._device.plug_in()
        self._clock.advance()

    def reboot(self) -> None:
        """Power off and on: a new boot, nobody badged in, and no goodbye. What was kept stays kept."""
        if self._stay is not None:
            self._stay.break_off()
        self._device.reboot(self._ids.boot(self._number, self._clock() + self._boots))
        self._boots += 1

    def switch_off(self) -> None:
        """It ends the session if there is one, says that it is offline, and goes."""
        if self._device.session is not None:
            self.badge_out("reboot")
        elif self._stay is not None:
            self._stay.break_off()
        self._device.switch_off()
        self._clock.advance()

    def switch_on(self) -> None:
        """It comes back."""
        self._device.switch_on()
        self._clock.advance()

    # What the services say to it.

    def answer_stored(self, seq: int, *, missing: Sequence[tuple[int, int]] = (), boot: str | None = None) -> None:
        """Say that all up to `seq` is stored but for the ranges in `missing`, of the present boot or another."""
        stored = events.Stored((events.StoredBoot(boot or self.boot, seq, tuple(missing)),))
        self._answer(events.TopicKind.STORED, stored, retain=True)

    def answer_limit(
        self,
        limit_mm: float | None,
        *,
        caution_mm: float | None = None,
        tier: events.Tier | None = "calibrated",
        session: str | None = None,
    ) -> None:
        """Say where its light has to come on, in the present session or in another. caution_mm: 20 mm less."""
        if caution_mm is None and limit_mm is not None:
            caution_mm = limit_mm - 20.0
        limit = events.Limit(session or self._present(), limit_mm, caution_mm, tier)
        self._answer(events.TopicKind.LIMIT, limit, retain=True)

    def answer_cue(
        self, kind: Literal["caution", "excessive", "fatigue"], depth_mm: float, *, session: str | None = None
    ) -> None:
        """Have it show caution, excessive or fatigue, now."""
        cue = events.Cue(session or self._present(), kind, self._clock(), depth_mm)
        self._answer(events.TopicKind.CUE, cue, retain=False)

    def left(self, stay: "_Stay") -> None:
        """Whoever was at it has gone."""
        if stay is self._stay:
            self._stay = None

    def _answer(self, kind: events.TopicKind, message: msgspec.Struct, *, retain: bool) -> None:
        self._broker.publish(events.topic(self.gym, self.name, kind), events.encode(message), retain=retain)

    def _present(self) -> str:
        if self.session is None:
            raise RuntimeError(f"nobody is badged in at {self.gym}/{self.name}: say which session is meant")
        return self.session

    def _since_s(self) -> float:
        return (self._clock() - self._start_us) / 1e6

    def _span(self, for_s: float) -> tuple[float, float]:
        return self._since_s(), self._since_s() + for_s

    def _depths(self, reps: int, depth_mm: float | Sequence[float] | None) -> Sequence[float] | None:
        if not 1 <= reps <= _MOST_REPS:
            raise ValueError(f"reps {reps}: expected 1 to {_MOST_REPS}")
        if depth_mm is None:
            return None
        depths = [float(depth_mm)] * reps if isinstance(depth_mm, int | float) else [float(mm) for mm in depth_mm]
        if len(depths) != reps:
            raise ValueError(f"depth_mm holds {len(depths)} depths: expected one, or {reps} for as many reps")
        travel_mm = self.model.online.travel_mm
        for mm in depths:
            if not _SHALLOWEST_MM <= mm <= travel_mm:
                raise ValueError(f"depth_mm {mm:g}: expected {_SHALLOWEST_MM:g} to {travel_mm:g}, as far as it travels")
        return depths

    def _planned(self, reps: int, load_kg: float | None) -> PlannedSet:
        usual = self.lifter.plan(self.model, self.lifter.rng(self._clock()))[1]
        if load_kg is None:
            return replace(usual, reps=reps)
        least_kg, most_kg = self.model.empty_kg, self.model.most_kg
        if not least_kg <= load_kg <= most_kg:
            raise ValueError(f"load_kg {load_kg:g}: expected {least_kg:g} to {most_kg:g}, from empty to full")
        share = load_kg * self.model.newtons_per_kg(self.lifter.setup(self.model)) / self.lifter.one_rm_n
        return replace(usual, reps=reps, load_kg=float(load_kg), share_of_1rm=share)


def _tempo(tempo: Tempo | tuple[float, float, float, float]) -> Tempo:
    asked = Tempo(*tempo)
    for name, seconds in asked._asdict().items():
        least = _QUICKEST_S if name in {"eccentric_s", "concentric_s"} else 0.0
        if not least <= seconds <= _LONGEST_S:
            raise ValueError(f"tempo: {name} {seconds:g}: expected {least:g} to {_LONGEST_S:g} seconds")
    return asked


class _Stay:
    """Somebody at a machine: frame by frame, from their badge or their first set until they leave."""

    def __init__(
        self,
        machine: SimulatedPress,
        device: Device,
        sensor: SensorAtWork,
        clock: VirtualClock,
        start_us: int,
        *,
        badged: bool,
    ) -> None:
        self._machine = machine
        self._device = device
        self._clock = clock
        self._badged = badged
        self._begun_us = clock()
        self._press = machine.model
        self._pen = Pen(machine.model.rate_hz)
        self._load_kg = machine.model.empty_kg
        self._set: SetUnderWay | None = None
        self._sets = 0
        self._reps = 0
        self._drawn: list[tuple[SetUnderWay, float, DoneRep]] = []  # reps not sent yet, and when each ends
        self._until_s = 0.0
        self._eye = Eye(machine.model, sensor, self._stretches(), self._begun_us, start_us)
        self._timer: Timer | None = None
        self._later()

    @property
    def pressing(self) -> bool:
        """Whether a set is going on."""
        return self._set is not None

    def begin(self, asked: _Asked, planned: PlannedSet) -> SetUnderWay:
        """Begin a set now."""
        self._sets += 1
        rng = self._machine.lifter.rng(self._begun_us + 60_000_000 * self._sets)
        stretches = perform_set(
            self._pen, asked, self._press, planned, self._sets, self._reps, 0.0, rng, self._light_mm
        )
        self._set = SetUnderWay(stretches, self._clock())
        return self._set

    def end(self) -> None:
        """They leave now: what is in the frame so far is sent."""
        samples = (self._clock() - self._eye.next_us) // self._press.dt_us
        if samples:
            self._see(samples)
        self.break_off()

    def break_off(self) -> None:
        """They are gone, and nothing more is sent."""
        if self._timer is not None:
            self._timer.cancel()
        if self._set is not None:
            self._set.over = True
        self._machine.left(self)

    def _light_mm(self) -> float | None:
        limit = self._machine.limit
        return None if limit is None else limit.limit_mm

    def _later(self) -> None:
        self._timer = self._clock.at(self._eye.next_us + self._press.frame_samples * self._press.dt_us, self._frame)

    def _frame(self) -> None:
        if self._see(self._press.frame_samples) < self._press.frame_samples:
            self.break_off()
        else:
            self._later()

    def _see(self, samples: int) -> int:
        """Send a frame of so many samples, of fewer where the travel ends; returns how many."""
        self._until_s = (self._eye.next_us - self._begun_us + samples * self._press.dt_us) / 1e6
        seen = self._eye.see(samples)
        if seen.depth_mm:
            self._device.frame(seen.t_us, seen.dt_us, seen.depth_mm, seen.load_kg)
        sent_s = (self._eye.next_us - self._begun_us) / 1e6
        for under_way, _, rep in [one for one in self._drawn if one[1] <= sent_s]:
            under_way.reps.append(rep)
        self._drawn = [one for one in self._drawn if one[1] > sent_s]
        return len(seen.depth_mm)

    def _stretches(self) -> Iterator[Stretch]:
        """Their travel, drawn when it is looked at: sets where one was begun, and else the sled in its rack."""
        while True:
            under_way = self._set
            if under_way is None:
                yield self._still(self._until_s)
                continue
            begin_s = (under_way.begun_us - self._begun_us) / 1e6
            if self._pen.end_s < begin_s:
                yield self._still(begin_s)
            for stretch in under_way.stretches:
                self._load_kg = stretch.load_kg
                if stretch.rep is not None:
                    self._reps += 1
                    self._drawn.append((under_way, stretch.rep.end_s, self._done(stretch)))
                yield stretch
            under_way.over, self._set = True, None
            if not self._badged:
                return

    def _still(self, until_s: float) -> Stretch:
        seconds = max(until_s - self._pen.end_s, 1.0 / self._press.rate_hz)
        return Stretch(self._pen.hold(0.0, seconds), self._load_kg)

    def _done(self, stretch: Stretch) -> DoneRep:
        rep = stretch.rep
        assert rep is not None  # noqa: S101 - asked by the caller
        start_us, turn_us, end_us = (self._begun_us + round(s * 1e6) for s in (rep.start_s, rep.turn_s, rep.end_s))
        return DoneRep(rep.set, rep.rep, start_us, turn_us, end_us, rep.load_kg, rep.bottom_mm, rep.rom_mm)
