"""The machine's side of the contract: what the firmware of a leg press does about MQTT.

It connects with a clean start and keeps its own queue; it numbers what it sends and lets go of it only when it is told
`stored`; after a reconnect it says anew who it is, and then everything above the watermark again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
import structlog

from sledwatch import events
from sledwatch_sim.wire.conditions import Passage
from sledwatch_sim.wire.connection import Carrier, Line
from sledwatch_sim.wire.network import Timer, Timers
from sledwatch_sim.wire.ring import CAPACITY, Message, Ring

log = structlog.get_logger()

# As the contract says: what is missing is sent again every 30 s.
LOOK_AGAIN_S: Final = 30.0
FIRST_RETRY_S: Final = 0.2
LAST_RETRY_S: Final = 5.0
# A subscription's retained messages follow its acknowledgement; the newest watermark among them saves sending again
# what was stored while the machine was away.
WATERMARK_GRACE_S: Final = 0.2
# As many as wait in a hurry; in real time they are a quarter of an hour.
MOST_UNSTORED: Final = 1_000
# How long it waits while as many others as may are shaking hands with the broker.
_QUEUE_S: Final = 0.05

_stored = msgspec.json.Decoder(events.Stored)
_limit = msgspec.json.Decoder(events.Limit)
_cue = msgspec.json.Decoder(events.Cue)


@dataclass(slots=True)
class Account:
    """What a device has counted since it was made."""

    sent: int = 0  # numbered messages handed to the broker, those sent again included
    acknowledged: int = 0
    refused: int = 0  # by the broker, with a reason code
    connections: int = 0


class Device:
    """One machine on the network. Call its methods in the thread that serves `timers`.

    carrier: how it connects. online: its birth certificate; boot, oldest_seq and held are filled in by the device.
    on_limit, on_cue: what the machine shows its member; a limit of another session than the present one is ignored, as
    the contract says. passage: what its network and its clock do to what it says. clock_us: what its State says the
    time is (µs, UTC); without it the State says no time.
    """

    def __init__(
        self,
        timers: Timers,
        carrier: Carrier,
        gym: str,
        machine: str,
        online: events.Online,
        boot: str,
        *,
        capacity: int = CAPACITY,
        on_limit: Callable[[events.Limit], None] | None = None,
        on_cue: Callable[[events.Cue], None] | None = None,
        look_again_s: float = LOOK_AGAIN_S,
        passage: Passage | None = None,
        clock_us: Callable[[], int] | None = None,
    ) -> None:
        self.gym = gym
        self.machine = machine
        self.account = Account()
        self.limit: events.Limit | None = None
        self.last_error: str | None = None
        self._timers = timers
        self._carrier = carrier
        self._online = online
        self._on_limit = on_limit
        self._on_cue = on_cue
        self._look_again_s = look_again_s
        self._passage = passage
        self._clock_us = clock_us
        self._ring = Ring(boot, capacity)
        self._session: str | None = None
        self._last_session: Message | None = None
        self._line: Line | None = None
        self._retry_s = FIRST_RETRY_S
        self._retry: Timer | None = None
        self._switched_on = False
        self._plugged_in = True
        self._switched_off: Callable[[], None] | None = None
        self._announced_lost = 0
        self._announced_held: frozenset[str] = frozenset()
        self._topics = {kind: events.topic(gym, machine, kind) for kind in events.TopicKind if kind != "alert"}

    @property
    def boot(self) -> str:
        """The present boot."""
        return self._ring.boot

    @property
    def session(self) -> str | None:
        """The session in progress."""
        return self._session

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted it and knows what it wants to hear."""
        return self._line is not None and self._line.ready

    @property
    def unstored(self) -> int:
        """How many numbered messages it keeps because nobody said that they are stored."""
        return len(self._ring)

    @property
    def lost(self) -> int:
        """How many it had to give up: no room left, or asked for three times in vain."""
        return self._ring.lost

    @property
    def congested(self) -> bool:
        """Whether it is better to wait before more is made: the services are behind. A machine offline never waits."""
        return self.connected and self.unstored >= MOST_UNSTORED

    def switch_on(self) -> None:
        """Connect, and stay connected until it is switched off."""
        self._switched_on = True
        if self._passage is not None:
            self._passage.begin(self)
        if self._plugged_in:
            self._connect()

    def badge_in(self, session: str, user: str, t_us: int, setup: events.Setup) -> None:
        """Somebody begins."""
        t_us = self._shown_us(t_us)
        self._session = session
        self.limit = None
        self._say_session(lambda boot, seq: events.SessionStart(boot, seq, session, user, t_us, setup))

    def set_up(self, t_us: int, setup: events.Setup) -> None:
        """The seat or the foot row is changed within the session. Raises RuntimeError when there is none."""
        session, t_us = self._required_session(), self._shown_us(t_us)
        self._say_session(lambda boot, seq: events.SessionSetup(boot, seq, session, t_us, setup))

    def frame(self, t_us: int, dt_us: int, depth_mm: Sequence[float | None], load_kg: float | list[float]) -> None:
        """Send a run of samples; it belongs to the session in progress, if there is one."""
        depths = depth_mm if isinstance(depth_mm, list) else list(depth_mm)
        session, t_us = self._session, self._shown_us(t_us)
        message = self._ring.add(
            events.TopicKind.FRAME,
            lambda boot, seq: events.Frame(boot, seq, t_us, dt_us, depths, load_kg, session),
        )
        self._send([message])

    def badge_out(self, t_us: int, reason: str = "badge_out") -> None:
        """The session ends. Raises RuntimeError when there is none."""
        session, t_us = self._required_session(), self._shown_us(t_us)
        self._session = None
        self.limit = None
        self._say_session(
            lambda boot, seq: events.SessionEnd(boot, seq, session, t_us, reason)  # type: ignore[arg-type]
        )

    def reboot(self, boot: str) -> None:
        """Power off and on: a new boot, no session, the connection gone without a word. What was kept stays kept."""
        self._session = None
        self.limit = None
        self._last_session = None
        self._ring.reboot(boot)
        self.cut()

    def cut(self) -> None:
        """Lose the connection without a word, as a pulled cable does; it comes back by itself."""
        self._lose_line("the cable was cut")

    def unplug(self) -> None:
        """Lose the connection without a word until it is plugged in; what is sent meanwhile is kept."""
        self._plugged_in = False
        if self._retry is not None:
            self._retry.cancel()
        self._lose_line("the cable was pulled")

    def plug_in(self) -> None:
        """Connect again."""
        self._plugged_in = True
        if self._switched_on and self._line is None:
            self._retry_s = FIRST_RETRY_S
            self._connect()

    def switch_off(self, then: Callable[[], None] | None = None, *, leave: bytes | None = None) -> None:
        """Say Offline, disconnect, and call `then` when that is done (at once where there is no connection).

        leave: another State to leave behind, for somebody who only stood in for the machine.
        """
        self._switched_on = False
        self._switched_off = then
        if self._passage is not None:
            self._passage.close()
        if self._retry is not None:
            self._retry.cancel()
        if self._line is not None and self._line.ready:
            word = leave if leave is not None else events.encode(events.Offline(self.boot))
            self._line.say(events.TopicKind.STATE, word, retain=True, last=True)
            return
        if self._line is not None:
            self._line.drop()
            self._line = None
        self._off()

    # What a line asks of the machine behind it.

    def topic(self, kind: events.TopicKind) -> str:
        """Where the machine says and hears things of a kind."""
        return self._topics[kind]

    def will(self) -> bytes:
        """What is to be said of it when it is gone without a word."""
        return events.encode(events.Offline(self.boot))

    def holds(self, message: Message) -> bool:
        """Whether it still has to be sent."""
        return self._ring.holds(message)

    def retains(self, message: Message) -> bool:
        """Whether it is the last Session: an older one that is sent again must not take its place."""
        return message is self._last_session

    def count_sent(self) -> None:
        """A numbered message was handed to the broker."""
        self.account.sent += 1

    def count_answer(self, *, refused: bool) -> None:
        """The broker has answered one."""
        if refused:
            self.account.refused += 1
        else:
            self.account.acknowledged += 1

    def gone(self, line: Line, why: str) -> None:
        """The connection is gone."""
        if line is self._line:
            self._line = None
            self._unconnected(why)

    def greet(self, line: Line) -> None:
        """The broker knows us: the retained messages anew, then, a moment later, everything above the watermark."""
        self.account.connections += 1
        self.last_error = None
        self._retry_s = FIRST_RETRY_S
        self._announce(line)
        if self._last_session is not None:
            line.say(events.TopicKind.SESSION, self._last_session.payload, retain=True)
        self._timers.call_later(WATERMARK_GRACE_S if self.account.connections > 1 else 0.0, partial(self._resume, line))
        self._timers.call_later(self._look_again_s, partial(self._look_again, line))

    def hear(self, kind: events.TopicKind, payload: bytes) -> None:
        """Something for the machine; what it cannot read changes nothing."""
        try:
            if kind is events.TopicKind.STORED:
                self._ring.stored(_stored.decode(payload))
            elif kind is events.TopicKind.LIMIT:
                self._hear_limit(_limit.decode(payload))
            elif kind is events.TopicKind.CUE:
                cue = _cue.decode(payload)
                if cue.session == self._session and self._on_cue is not None:
                    self._on_cue(cue)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # Firmware survives what it does not understand: a newer service may say more than this machine knows.
            log.warning("machine.unreadable", gym=self.gym, machine=self.machine, kind=kind.value, reason=str(error))

    def _required_session(self) -> str:
        if self._session is None:
            raise RuntimeError(f"nobody is badged in at {self.gym}/{self.machine}")
        return self._session

    def _say_session(self, build: Callable[[str, int], events.Session]) -> None:
        self._last_session = self._ring.add(events.TopicKind.SESSION, build)
        self._send([self._last_session])

    def _send(self, messages: Sequence[Message]) -> None:
        if self._line is not None and self._line.sending:
            self._line.send(messages)

    def _shown_us(self, t_us: int) -> int:
        return t_us if self._passage is None else self._passage.shown_us(t_us)

    def _connect(self) -> None:
        if self._carrier.busy:
            self._retry = self._timers.call_later(_QUEUE_S, self._connect)
            return
        self._retry = None
        try:
            self._line = self._carrier.line(self, self._passage)
        except OSError as error:
            self._line = None
            self._unconnected(self._carrier.why_unreachable(error))

    def _lose_line(self, why: str) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.drop()
            self._unconnected(why)

    def _unconnected(self, why: str) -> None:
        """The connection is gone, or never came about: try again in a while."""
        if why != self.last_error and self._switched_on:
            log.warning(
                "machine.unconnected", gym=self.gym, machine=self.machine, broker=str(self._carrier), reason=why
            )
        self.last_error = why
        if not self._switched_on:
            self._off()
        elif self._plugged_in:
            self._retry = self._timers.call_later(self._retry_s, self._connect)
            self._retry_s = min(LAST_RETRY_S, 2 * self._retry_s)

    def _off(self) -> None:
        then, self._switched_off = self._switched_off, None
        if then is not None:
            then()

    def _announce(self, line: Line) -> None:
        """Say who it is and what it still holds."""
        held = self._ring.held
        self._announced_held = frozenset(run.boot for run in held)
        self._announced_lost = self._ring.lost
        online = msgspec.structs.replace(
            self._online,
            boot=self.boot,
            oldest_seq=self._ring.oldest_seq,
            held=held,
            t_us=None if self._clock_us is None else self._shown_us(self._clock_us()),
        )
        line.say(events.TopicKind.STATE, events.encode(online), retain=True)

    def _resume(self, line: Line) -> None:
        if line is self._line:
            line.sending = True
            line.send(self._ring.resume())

    def _look_again(self, line: Line) -> None:
        """Every 30 s while connected: what is missing goes out again, and a State says or asks what there is to."""
        if line is not self._line:
            return
        # Before it looks: what is sent now has yet to be answered.
        asks = self._ring.unanswered
        again = self._ring.look_again()
        if asks or self._has_news():
            self._announce(line)
        line.send(again)
        self._timers.call_later(self._look_again_s, partial(self._look_again, line))

    def _has_news(self) -> bool:
        """Whether, since the last State, something is gone for good or an earlier boot is stored."""
        ring = self._ring
        held = {run.boot for run in ring.held}
        return ring.lost != self._announced_lost or ring.asked_in_vain or held != self._announced_held

    def _hear_limit(self, limit: events.Limit) -> None:
        if limit.session != self._session:
            return
        self.limit = limit
        if self._on_limit is not None:
            self._on_limit(limit)
