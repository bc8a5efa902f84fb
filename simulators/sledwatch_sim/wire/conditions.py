"""What lies between a machine and the broker: delay, loss, repeats, disorder, outages, and a clock that is off.

`Conditions` says how bad it is, as plain data. `Passage` applies it within the machine's own connection: the machine
believes that it sent what never left, and only the watermark tells it otherwise. What is lost or repeated follows from
the seed and the message's number alone, not from when it is sent.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final, Protocol

from sledwatch_sim.equipment.sensors import Tell, check_spans
from sledwatch_sim.wire.network import Timer, Timers
from sledwatch_sim.wire.ring import Message

_MOST_LATENCY_MS: Final = 60_000.0
_MOST_SKEW_MS: Final = 7 * 24 * 3600 * 1000.0
_MOST_DRIFT_PPM: Final = 10_000.0
# What is asked for three times in vain is given up for good; a passage never loses a message so often.
_MOST_LOSSES: Final = 2
# What is overtaken waits for one to three others, or for this long when none comes.
_MOST_OVERTAKING: Final = 3
_OVERTAKEN_S: Final = 1.0
# Losses that are remembered, so that the next attempt can be another one; the oldest go first.
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a machine is connected. Times in `_s` are seconds of event time since the run began.

    latency_ms: each way, and up to latency_spread_ms more by chance. loss: share of numbered messages that
    never leave. repeat: share that is sent twice. disorder: share that is overtaken by those behind it. skew_ms,
    drift_ppm: the machine's clock, ahead where positive. offline: spans (from, to) without a connection. cuts_s: when
    the connection breaks without a word, to come back by itself. Raises ValueError for what cannot be.
    """

    latency_ms: float = 0.0
    latency_spread_ms: float = 0.0
    loss: float = 0.0
    repeat: float = 0.0
    disorder: float = 0.0
    skew_ms: float = 0.0
    drift_ppm: float = 0.0
    offline: tuple[tuple[float, float], ...] = ()
    cuts_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("loss", "repeat", "disorder"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} {getattr(self, name):g}: expected a share from 0 to 1")
        for name in ("latency_ms", "latency_spread_ms"):
            if not 0.0 <= getattr(self, name) <= _MOST_LATENCY_MS:
                raise ValueError(f"{name} {getattr(self, name):g}: expected 0 to {_MOST_LATENCY_MS:g}")
        for name, most in (("skew_ms", _MOST_SKEW_MS), ("drift_ppm", _MOST_DRIFT_PPM)):
            if abs(getattr(self, name)) > most:
                raise ValueError(f"{name} {getattr(self, name):g}: expected {-most:g} to {most:g}")
        check_spans("offline", self.offline)
        if list(self.cuts_s) != sorted(self.cuts_s) or any(at_s < 0.0 for at_s in self.cuts_s):
            raise ValueError("cuts_s: expected seconds since the start, ascending")

    @property
    def good(self) -> bool:
        """Whether nothing stands between the machine and the broker."""
        return self == Conditions()

    def shown_us(self, t_us: int, start_us: int) -> int:
        """What the machine's clock shows at a time, both in µs since the epoch; it was set when the run began."""
        return t_us + round(1000.0 * self.skew_ms + self.drift_ppm * (t_us - start_us) / 1e6)


class _Plug(Protocol):
    """A machine whose cable can be pulled."""

    def cut(self) -> None:
        """Lose the connection without a word."""

    def unplug(self) -> None:
        """Lose it until it is plugged in."""

    def plug_in(self) -> None:
        """Connect again."""


class _Line(Protocol):
    """A connection that may be over before something arrives."""

    over: bool


@dataclass(frozen=True, slots=True)
class _Fate:
    """losses: attempts that never leave. overtaken_by: how many messages go first."""

    losses: int
    repeated: bool
    overtaken_by: int


class Passage:
    """A machine's way to the broker during one run.

    seed: whatever numbers name the machine and the run. start_us: when the run began. delay_s: how long it is, in
    seconds of the network's clock, until an event time. tell: hears of each outage when it begins, and at `close` of
    all else, with counts.
    """

    def __init__(
        self,
        conditions: Conditions,
        seed: tuple[int, ...],
        network: Timers,
        start_us: int,
        delay_s: Callable[[int], float],
        tell: Tell | None = None,
    ) -> None:
        self.conditions = conditions
        self._seed = "/".join(str(part) for part in seed)
        self._network = network
        self._start_us = start_us
        self._delay_s = delay_s
        self._tell = tell
        self._boots: dict[str, int] = {}
        self._lost: dict[tuple[int, int], int] = {}
        self._chance = Random(f"latency/{self._seed}")
        self._out: deque[tuple[float, Callable[[], None]]] = deque()
        self._in: deque[tuple[float, Callable[[], None]]] = deque()
        self._overtaken: list[tuple[int, Callable[[], None]]] = []
        self._timers: list[Timer] = []
        self._counts = {"loss": 0, "repeat": 0, "disorder": 0}
        self._first_us: int | None = None
        self._last_us = start_us

    def shown_us(self, t_us: int) -> int:
        """What the machine's clock shows."""
        if self._first_us is None:
            self._first_us = t_us
        self._last_us = max(self._last_us, t_us)
        return self.conditions.shown_us(t_us, self._start_us)

    def begin(self, machine: _Plug) -> None:
        """From now on the cable is pulled when its time comes."""
        for from_s, to_s in self.conditions.offline:
            self._at(from_s, partial(self._go_offline, machine, from_s, to_s))
            self._at(to_s, machine.plug_in)
        for at_s in self.conditions.cuts_s:
            self._at(at_s, partial(self._cut, machine, at_s))

    def send(self, line: _Line, messages: Sequence[Message], deliver: Callable[[Sequence[Message]], None]) -> None:
        """Let numbered messages go, or not."""
        for message in messages:
            fate = self._fate(message)
            number = self._boots[message.boot], message.seq
            lost = self._lost.get(number, 0)
            if lost < fate.losses:
                self._remember(number, lost + 1)
                self._counts["loss"] += 1
                continue
            send = partial(deliver, [message])
            if fate.overtaken_by:
                self._counts["disorder"] += 1
                waiting = (fate.overtaken_by, send)
                self._overtaken.append(waiting)
                self._network.call_later(_OVERTAKEN_S, partial(self._let_go, line, waiting))
            else:
                self.carry(line, send)
                self._overtake(line)
            if fate.repeated:
                self._counts["repeat"] += 1
                self.carry(line, send)

    def carry(self, line: _Line, action: Callable[[], None]) -> None:
        """Do something towards the broker when its time has come, unless the line is over by then."""
        self._later(self._out, line, action)

    def carry_in(self, line: _Line, action: Callable[[], None]) -> None:
        """The same towards the machine."""
        self._later(self._in, line, action)

    def close(self) -> None:
        """The run is over: tell how much of what was done."""
        for timer in self._timers:
            timer.cancel()
        if self._tell is None or self._first_us is None:
            return
        conditions = self.conditions
        faults = [
            (kind, count > 0, {"messages": float(count), "share": getattr(conditions, kind)})
            for kind, count in self._counts.items()
        ]
        latency = {"latency_ms": conditions.latency_ms, "spread_ms": conditions.latency_spread_ms}
        clock = {"skew_ms": conditions.skew_ms, "drift_ppm": conditions.drift_ppm}
        faults += [("latency", any(latency.values()), latency), ("clock", any(clock.values()), clock)]
        for kind, injected, figures in faults:
            if injected:
                self._tell(kind, self._first_us, self._last_us, figures)
        self._tell = None

    def _at(self, at_s: float, do: Callable[[], None]) -> None:
        delay_s = self._delay_s(self._start_us + round(at_s * 1e6))
        self._timers.append(self._network.call_later(delay_s, do))

    def _go_offline(self, machine: _Plug, from_s: float, to_s: float) -> None:
        machine.unplug()
        self._tell_of("offline", from_s, to_s)

    def _cut(self, machine: _Plug, at_s: float) -> None:
        machine.cut()
        self._tell_of("cut", at_s, at_s)

    def _tell_of(self, kind: str, from_s: float, to_s: float) -> None:
        if self._tell is not None:
            from_us, to_us = (self._start_us + round(s * 1e6) for s in (from_s, to_s))
            self._tell(kind, from_us, to_us, {})

    def _fate(self, message: Message) -> _Fate:
        boot = self._boots.setdefault(message.boot, len(self._boots))
        chance = Random(f"{self._seed}/{boot}/{message.seq}")
        losses = 0
        while losses < _MOST_LOSSES and chance.random() < self.conditions.loss:
            losses += 1
        repeated = chance.random() < self.conditions.repeat
        overtaken = chance.random() < self.conditions.disorder
        return _Fate(losses, repeated, chance.randint(1, _MOST_OVERTAKING) if overtaken else 0)

    def _remember(self, number: tuple[int, int], lost: int) -> None:
        self._lost[number] = lost
        if len(self._lost) > _REMEMBERED:
            del self._lost[next(iter(self._lost))]

    def _overtake(self, line: _Line) -> None:
        """A message has gone: those that it overtook wait for one less."""
        if not self._overtaken:
            return
        waiting, self._overtaken = self._overtaken, []
        for by, send in waiting:
            if by > 1:
                self._overtaken.append((by - 1, send))
            else:
                self.carry(line, send)

    def _let_go(self, line: _Line, waiting: tuple[int, Callable[[], None]]) -> None:
        """Nothing came that could have overtaken it."""
        _, send = waiting
        if any(other is send for _, other in self._overtaken):
            self._overtaken = [one for one in self._overtaken if one[1] is not send]
            self.carry(line, send)

    def _later(self, pipe: deque[tuple[float, Callable[[], None]]], line: _Line, action: Callable[[], None]) -> None:
        def arrive() -> None:
            if not line.over:
                action()

        conditions = self.conditions
        delay_s = conditions.latency_ms / 1000.0
        if conditions.latency_spread_ms:
            delay_s += self._chance.uniform(0.0, conditions.latency_spread_ms / 1000.0)
        if not delay_s and not pipe:
            arrive()
            return
        # A connection keeps its order: nothing arrives before what was sent earlier.
        due_s = max(self._network.clock() + delay_s, pipe[-1][0] if pipe else 0.0)
        pipe.append((due_s, arrive))
        if len(pipe) == 1:
            self._network.call_at(due_s, partial(self._arrive, pipe))

    def _arrive(self, pipe: deque[tuple[float, Callable[[], None]]]) -> None:
        now_s = self._network.clock()
        while pipe and pipe[0][0] <= now_s:
            pipe[0][1]()
            pipe.popleft()
        if pipe:
            self._network.call_at(pipe[0][0], partial(self._arrive, pipe))
