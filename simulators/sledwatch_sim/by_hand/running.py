"""A machine by hand at work: keys or a script on one side, the broker on the other, a window in between."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from sledwatch import events
from sledwatch.address import BrokerAddress
from sledwatch_sim.by_hand.hearing import Ear
from sledwatch_sim.by_hand.keys import BY_KEY, Key, KeyReader, Step
from sledwatch_sim.by_hand.machine import MachineByHand
from sledwatch_sim.by_hand.screen import View
from sledwatch_sim.by_hand.terminal import Window
from sledwatch_sim.equipment.models import Press
from sledwatch_sim.equipment.sensors import Sensor, SensorAtWork
from sledwatch_sim.wire.connection import OwnConnection
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Network

_TICK_S: Final = 0.02
_DRAW_S: Final = 1.0 / 15.0
# The curve: a point ten times a second, of the last half minute.
_POINT_US: Final = 100_000
_POINTS: Final = 300
_NOTICE_S: Final = 6.0
# What is heard is kept, up to this.
_KEPT: Final = 500
# At the end: without a connection, or without anything being stored, no longer than this.
_UNREACHED_S: Final = 3.0
_STALLED_S: Final = 15.0
# Whoever presses Ctrl-C waits for this, twice at most.
_GOODBYE_S: Final = 0.8


class ByHandError(Exception):
    """It could not be done; the message is one line for whoever started it."""


def _wall_clock_us() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class ByHandConfig:
    """One machine and who works it.

    frame_s: how long a frame is. seed: of the sensor's noise. script: what to do, None for keys in a window.
    patience_s: how long a script waits for the broker, and for what it asks for.
    """

    broker: BrokerAddress
    gym: str
    machine: str
    user: str
    press: Press
    load_kg: float | None = None
    frame_s: float = 1.0
    seed: int = 1
    script: tuple[Step, ...] | None = None
    patience_s: float = 10.0
    clock_us: Callable[[], int] = _wall_clock_us


@dataclass(frozen=True, slots=True)
class Account:
    """What it came to.

    over: of the machine's own reps, those beyond its limit. found: by the system. unreached: why the broker was never
    reached, None where it was.
    """

    sessions: tuple[str, ...]
    reps: int
    over: int
    found: int
    alerts: int
    said: int
    held: int
    lost: int
    refused: int
    unreached: str | None


def work(config: ByHandConfig, stop: threading.Event, window: Window | None, notices: deque[str]) -> Account:
    """Work the machine until `q`, the end of the script, or `stop`; then rack, badge out, deliver and say Offline.

    notices: what else is to be shown, put there by others of this thread. Raises ByHandError where the script's broker
    does not answer, or somebody else is this machine.
    """
    with ExitStack() as exits:
        network = exits.enter_context(Network())
        at_work = _AtWork(config, network, stop, window, notices)
        exits.callback(at_work.close)
        return at_work.run()


class _AtWork:
    """All of it happens in the thread that calls `run`; it also listens, for the ear."""

    def __init__(
        self,
        config: ByHandConfig,
        network: Network,
        stop: threading.Event,
        window: Window | None,
        notices: deque[str],
    ) -> None:
        self._config = config
        self._network = network
        self._stop = stop
        self._window = window
        self._notices = notices
        self._now_us = config.clock_us()
        self._cue: tuple[events.Cue, float] | None = None
        self._device = Device(
            network,
            OwnConnection(network, config.broker),
            config.gym,
            config.machine,
            config.press.online,
            _new_id(),
            on_cue=self._heard_cue,
            clock_us=config.clock_us,
        )
        sensor = SensorAtWork(Sensor(), (config.seed,), self._now_us)
        self._machine = MachineByHand(
            config.press,
            self._device,
            sensor,
            self._now_us,
            _new_id,
            config.user,
            config.load_kg,
            config.frame_s,
        )
        self._boots: set[str] = set()
        self._on = False
        self._failure: ByHandError | None = None
        self._reps: deque[events.Rep] = deque(maxlen=_KEPT)
        self._found = 0
        self._alerts: dict[str, events.Alert] = {}
        self._points: deque[float] = deque(maxlen=_POINTS)
        self._point_us = self._now_us
        self._notice = ("", 0.0)
        self._reader = KeyReader()
        self._watching = False
        self._entry: str | None = None
        self._steps = deque(config.script or ())
        self._until_us = 0
        self._asked_s = network.clock()
        self._phase = ""
        self._hurry = False
        self._ear = Ear(config.broker, config.gym, config.machine, self, network.call_soon)

    def run(self) -> Account:
        """From the first key to the last word."""
        network = self._network
        if self._window is not None:
            network.watch(self._window.keyboard, self)
            self._watching = True
            self._draw()
        if self._config.script is not None:
            network.call_later(self._config.patience_s, self._require_connection)
        self._tick()
        network.run(lambda: bool(self._phase) or self._stopped())
        self._leave()
        self._deliver()
        self._say_goodbye()
        if self._failure is not None:
            raise self._failure
        return self._account()

    def close(self) -> None:
        """Let go of the keyboard and the ear."""
        self._look_away()
        self._ear.close()

    def _look_away(self) -> None:
        if self._watching and self._window is not None:
            self._watching = False
            self._network.forget(self._window.keyboard)

    # What the ear tells.

    def heard_rep(self, rep: events.Rep) -> None:
        """The system found a rep."""
        if rep.session in self._machine.sessions:
            self._reps.append(rep)
            self._found += 1

    def heard_alert(self, alert: events.Alert) -> None:
        """An alert in the gym; those of this machine and this user are shown, each once, the last that moved last."""
        if alert.machine == self._config.machine or alert.session in self._machine.sessions:
            self._alerts.pop(alert.id, None)
            self._alerts[alert.id] = alert

    def heard_state(self, state: events.State) -> None:
        """Somebody said who the machine is."""
        if isinstance(state, events.Offline) or state.boot in self._boots or state.boot == self._device.boot:
            return
        name = f"{self._config.gym}/{self._config.machine}"
        if not self._on:
            self._failure = ByHandError(f"{name} is online already: give --machine a name of its own")
        else:
            self._note(f"somebody else speaks as {name}: one of you should take another name")

    def heard_enough(self) -> None:
        """Nobody else is this machine: it may go online."""
        if not self._on and self._failure is None:
            self._on = True
            self._device.switch_on()

    def _heard_cue(self, cue: events.Cue) -> None:
        self._cue = cue, self._network.clock()

    # Keys.

    def on_readable(self) -> None:
        """Something was typed, or the terminal is gone."""
        assert self._window is not None  # noqa: S101 - it is what is watched
        data = self._window.read()
        if not data:
            self._look_away()
            self._stop.set()
            return
        for key in self._reader.feed(data):
            self._press(key)
        if self._reader.begun:
            self._network.call_later(2 * _TICK_S, self._flush_keys)

    def on_writable(self) -> None:
        """A keyboard is not written to."""

    def _flush_keys(self) -> None:
        for key in self._reader.flush():
            self._press(key)

    def _press(self, key: str) -> None:
        if self._entry is not None:
            self._type(key)
            return
        known = BY_KEY.get(key)
        if known is Key.QUIT:
            self._hurry = bool(self._phase)
            self._phase = self._phase or "racking the sled and badging out"
        elif self._phase or known is None:
            return
        elif known is Key.USER:
            self._entry = ""
        else:
            self._do(Step(known))

    def _type(self, key: str) -> None:
        entry = self._entry or ""
        if key == "escape":
            self._entry = None
        elif key == "enter":
            self._entry = None
            if entry:
                self._do(Step(Key.USER, entry))
        elif key == "backspace":
            self._entry = entry[:-1]
        elif len(key) == 1 and len(entry) < 64:
            self._entry = entry + key

    def _do(self, step: Step) -> None:
        self._boots.add(self._device.boot)
        self._machine.advance(self._config.clock_us())
        try:
            self._note(self._machine.do(step))
        except ValueError as error:
            self._note(str(error))
        self._boots.add(self._device.boot)

    def _note(self, words: str) -> None:
        if words:
            self._notice = words, self._network.clock()

    # Time.

    def _tick(self) -> None:
        self._now_us = self._config.clock_us()
        self._machine.advance(self._now_us)
        while self._now_us - self._point_us >= _POINT_US:
            late = self._now_us - self._point_us > _POINTS * _POINT_US
            self._point_us = self._now_us if late else self._point_us + _POINT_US
            self._points.append(self._machine.sled.depth_mm)
        while self._notices:
            self._note(self._notices.popleft())
        if self._config.script is not None and not self._phase and self._device.account.connections:
            self._play()
        self._network.call_later(_TICK_S, self._tick)

    def _play(self) -> None:
        """The script's next steps, as far as what came before is done."""
        while self._machine.free and self._now_us >= self._until_us:
            step = self._steps.popleft() if self._steps else Step(Key.QUIT)
            if step.key is Key.QUIT:
                self._phase = "leaving"
                return
            if step.key is Key.WAIT:
                self._until_us = self._now_us + round(float(step.value or 0.0) * 1e6)
            elif step.key in {Key.STORED, Key.LIMIT}:
                if not self._has_come(step.key):
                    self._steps.appendleft(step)
                    return
            else:
                self._do(step)
            self._asked_s = self._network.clock()

    def _has_come(self, what: Key) -> bool:
        """Whether what a script waits for is there; it does not wait for ever."""
        late = self._network.clock() - self._asked_s > self._config.patience_s
        if what is Key.STORED:
            if self._device.unstored and late:
                self._failure = ByHandError(f"{self._device.unstored} messages are not stored: is ingest running?")
            return not self._device.unstored
        limit = self._device.limit
        if limit is None and late:
            self._failure = ByHandError("the machine was told no limit: is analytics running, is somebody badged in?")
        return limit is not None

    def _require_connection(self) -> None:
        if not self._device.account.connections:
            self._failure = ByHandError(self._why_unreached())

    def _why_unreached(self) -> str:
        why = self._ear.error or self._device.last_error or "no answer"
        return f"no broker at {self._config.broker} ({why}): SLEDWATCH_MQTT_URL says where it is"

    def _draw(self) -> None:
        window = self._window
        assert window is not None  # noqa: S101 - asked by whoever begins it
        window.tend()
        window.draw(self._view())
        self._network.call_later(_DRAW_S, self._draw)

    # The end.

    def _stopped(self) -> bool:
        return self._stop.is_set() or self._failure is not None

    def _leave(self) -> None:
        """Rack the sled and badge out; at once where somebody is in a hurry."""
        self._entry = None
        self._phase = "racking the sled and badging out"
        self._machine.finish()
        self._network.run(lambda: self._machine.free or self._hurry or self._stopped())
        self._machine.end_now()
        if not self._machine.plugged_in:
            self._machine.do(Step(Key.CABLE))

    def _deliver(self) -> None:
        """Wait until all is stored, while there is hope."""
        network, device = self._network, self._device
        self._phase = "waiting until all is stored; q again leaves now"
        self._hurry = False
        began_s = network.clock()
        left, since_s = device.unstored, began_s

        def done() -> bool:
            nonlocal left, since_s
            now_s = network.clock()
            if device.unstored < left:
                left, since_s = device.unstored, now_s
            patience_s = _STALLED_S if device.connected else _UNREACHED_S
            given_up = now_s - since_s > patience_s or (self._stopped() and now_s - began_s > _GOODBYE_S)
            return not device.unstored or self._hurry or given_up

        network.run(done)

    def _say_goodbye(self) -> None:
        gone: list[bool] = []
        self._phase = "saying goodbye"
        self._device.switch_off(partial(gone.append, True))
        deadline_s = self._network.clock() + _GOODBYE_S
        self._network.run(lambda: bool(gone) or self._network.clock() > deadline_s)
        self._network.refusals.sum_up()

    def _account(self) -> Account:
        machine, device = self._machine, self._device
        return Account(
            sessions=tuple(machine.sessions),
            reps=machine.all_reps,
            over=machine.all_over,
            found=self._found,
            alerts=len(self._alerts),
            said=machine.said,
            held=device.unstored,
            lost=device.lost,
            refused=device.account.refused,
            unreached=None if device.account.connections else self._why_unreached(),
        )

    def _view(self) -> View:
        config, machine, device = self._config, self._machine, self._device
        now_s = self._network.clock()
        words, noted_s = self._notice
        cue, cued_s = self._cue or (None, 0.0)
        return View(
            gym=config.gym,
            machine=config.machine,
            press=config.press.online,
            broker=str(config.broker),
            user=machine.user,
            session=device.session,
            session_s=max(0.0, (self._now_us - machine.began_us) / 1e6),
            depth_mm=machine.sled.depth_mm,
            target_mm=machine.target_mm,
            tempo_s=machine.tempo_s,
            load_kg=machine.load_kg,
            notch=machine.notch,
            racked=machine.sled.racked,
            waiting=machine.sled.waiting,
            light=machine.light,
            limit=device.limit,
            own_reps=len(machine.reps),
            own_over=sum(rep.over for rep in machine.reps),
            cue=cue,
            cue_s=now_s - cued_s,
            plugged_in=machine.plugged_in,
            connected=device.connected,
            connections=device.account.connections,
            error=device.last_error if self._on else self._ear.error,
            boot=device.boot,
            said=machine.said,
            held=device.unstored,
            lost=device.lost,
            refused=device.account.refused,
            reps=tuple(rep for rep in self._reps if machine.sessions and rep.session == machine.sessions[-1]),
            alerts=tuple(self._alerts.values()),
            not_heard=self._ear.error,
            depths_mm=tuple(self._points),
            notice=words if now_s - noted_s < _NOTICE_S else "",
            entry=self._entry,
            phase=self._phase,
        )


def _new_id() -> str:
    """A boot or a session: as many random bits as the contract wants, and more."""
    return secrets.token_hex(13)
