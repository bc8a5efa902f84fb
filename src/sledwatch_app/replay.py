"""`sledwatch replay`: a recording fed into the system as its machine would have sent it."""

import csv
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray
from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from sledwatch import events
from sledwatch.address import BrokerAddress
from sledwatch_app.errors import Failed, WrongUse
from sledwatch_sim.api import Api, ApiError
from sledwatch_sim.equipment.models import INCLINE, SEATED, SUPINE
from sledwatch_sim.wire.connection import OwnConnection
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Network

log = structlog.get_logger()

HEADER: Final = ("t_us", "depth_mm", "load_kg")
# A frame lasts a second, as a machine's does, or holds ten samples where a second has fewer; never more than 10 s.
_FRAME_US: Final = 1_000_000
_LONGEST_FRAME_US: Final = 10_000_000
_FEWEST_SAMPLES: Final = 10
# Intervals that differ by no more than this from their median are one rate.
_JITTER: Final = 0.2
# A pause this many times as long as the usual interval is a gap: nothing was recorded in it.
_GAP: Final = 5.0
_DEFAULT_DT_US: Final = 20_000
# What may be on its way unstored: the broker's memory and ours are bounded.
_MOST_UNSTORED: Final = 2_000
_PORTION: Final = 100
_CONNECT_S: Final = 10.0
_STALLED_S: Final = 120.0
_STATE_S: Final = 0.3
_GOODBYE_S: Final = 1.5


class ReplayError(WrongUse):
    """The recording cannot be read, or not be taken; the message names the line and the column."""


def _wall_clock_us() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """What to feed, and as whom.

    session, boot: made up where not given. keep_times: leave the recording's times as they are; otherwise it is moved
    to end now. notch, foot_row: how the seat and the feet were set.
    """

    path: Path
    gym: str
    machine: str
    user: str
    mqtt_url: str
    api_url: str
    api_token: str | None
    keep_times: bool = False
    notch: int = 0
    foot_row: int = 0
    session: str | None = None
    boot: str | None = None
    mqtt_ca: Path | None = None
    clock_us: Callable[[], int] = _wall_clock_us


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """Where a replay stands: frames sent of all, and messages not known to be stored."""

    sent: int
    frames: int
    unstored: int


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples in columns, ascending by time: µs, mm (NaN where the sensor gave nothing), kg."""

    t_us: NDArray[np.int64]
    depth_mm: NDArray[np.float64]
    load_kg: NDArray[np.float64]

    @property
    def dt_us(self) -> int:
        """The usual interval."""
        if len(self.t_us) < 2:
            return _DEFAULT_DT_US
        return min(max(1, round(float(np.median(np.diff(self.t_us))))), _LONGEST_FRAME_US)


@dataclass(frozen=True, slots=True)
class Cut:
    """A frame's worth of samples, i-th at `t_us + i * dt_us`."""

    t_us: int
    dt_us: int
    depth_mm: list[float | None]
    load_kg: float | list[float]


def replay(config: ReplayConfig, report: Callable[[ReplayProgress], None], stop: threading.Event) -> list[str]:
    """Feed a recording at full speed and wait until all is `stored`, or `stop`. Returns the id of its session.

    The machine announces itself as what it is known to be, else as the usual incline press. In the end it leaves the
    State that the broker kept before, or Offline. Raises ReplayError for a recording or a name that cannot be right,
    Failed when it could not be done.
    """
    try:
        broker = BrokerAddress.parse(config.mqtt_url, config.mqtt_ca)
    except ValueError as error:
        raise WrongUse(str(error)) from error
    for what, name in (("gym", config.gym), ("machine", config.machine), ("user", config.user)):
        if not events.is_name(name):
            raise ReplayError(f"{what} {name!r}: expected lower-case letters, digits, - and _, at most 64")
    recording = read(config.path)
    state = retained_state(config, broker)
    online = msgspec.structs.replace(known_machine(config, state), rate_hz=1e6 / recording.dt_us)
    recording = timed(recording, config, config.clock_us())
    with Network() as network:
        return _Replay(config, network, broker, state, online, recording, report, stop).run()


def read(path: Path) -> Recording:
    """Read `t_us,depth_mm,load_kg`: integer µs ascending, mm or nothing, kg. Raises ReplayError."""
    t_us: list[int] = []
    depth_mm: list[float] = []
    load_kg: list[float] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            if tuple(header) != HEADER:
                raise ReplayError(f"{path}: line 1 is {','.join(header)!r:.80}: expected {','.join(HEADER)}")
            for cells in rows:
                if not cells:
                    continue
                try:
                    t, depth, load = _row(cells, t_us[-1] if t_us else None)
                except ValueError as error:
                    raise ReplayError(f"{path}: line {rows.line_num}: {error}") from None
                t_us.append(t)
                depth_mm.append(depth)
                load_kg.append(load)
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReplayError(f"{path}: no CSV in UTF-8 ({error})") from error
    if not t_us:
        raise ReplayError(f"{path}: no samples below the header")
    if all(map(math.isnan, depth_mm)):
        raise ReplayError(f"{path}: no line has a depth")
    return Recording(np.array(t_us, np.int64), np.array(depth_mm), np.array(load_kg))


def _row(cells: list[str], after_us: int | None) -> tuple[int, float, float]:
    """A row, later than the one before. Raises ValueError that names the column."""
    if len(cells) != len(HEADER):
        raise ValueError(f"{len(cells)} cells: expected {len(HEADER)}, {','.join(HEADER)}")
    try:
        t_us = int(cells[0])
    except ValueError:
        raise ValueError(f"t_us {cells[0]!r:.40}: expected whole microseconds") from None
    if abs(t_us) > 2**62:
        raise ValueError(f"t_us {cells[0]:.40}: expected microseconds since 1970")
    if after_us is not None and t_us <= after_us:
        raise ValueError(f"t_us {t_us}: expected a time after {after_us}, the one before")
    depth_mm = math.nan if not cells[1].strip() else _number("depth_mm", cells[1], "millimetres, or nothing")
    load_kg = _number("load_kg", cells[2], "kilograms")
    if not 0.0 <= load_kg <= events.MAX_LOAD_KG:
        raise ValueError(f"load_kg {cells[2]:.40}: expected 0 to {events.MAX_LOAD_KG:g}")
    return t_us, depth_mm, load_kg


def _number(column: str, cell: str, expected: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{column} {cell!r:.40}: expected {expected}")
    return number


def cut(recording: Recording) -> Iterator[Cut]:
    """Cut a recording into frames of near-constant rate.

    A frame ends where the interval leaves ±20 % of its median, and before a gap. Its `t_us` and `dt_us` are fitted to
    its first and last sample; no sample is moved by more than half an interval. A frame of which less than half is
    usable would be refused, so its usable runs are sent and the rest is left out.
    """
    t_us = recording.t_us
    intervals = np.diff(t_us)
    usual_us = recording.dt_us
    first = 0
    while first < len(t_us):
        last = _last_of_frame(t_us, intervals, first, usual_us)
        dt_us = max(1, round(float(t_us[last] - t_us[first]) / (last - first))) if last > first else usual_us
        usable = ~np.isnan(recording.depth_mm[first : last + 1])
        if usable.sum() * 2 >= len(usable):
            yield _frame(recording, first, last, dt_us)
        else:
            edges = np.flatnonzero(np.diff(np.concatenate([[0], usable.astype(np.int8), [0]])))
            for begin, end in edges.reshape(-1, 2):
                yield _frame(recording, first + int(begin), first + int(end) - 1, dt_us)
        first = last + 1


def _last_of_frame(t_us: NDArray[np.int64], intervals: NDArray[np.int64], first: int, usual_us: int) -> int:
    if first == len(intervals) or intervals[first] > min(_GAP * usual_us, _LONGEST_FRAME_US):
        return first
    rate_us = float(np.median(intervals[first : first + 50]))
    if abs(intervals[first] - rate_us) > _JITTER * rate_us:
        rate_us = float(intervals[first])
    samples = max(_FRAME_US / rate_us, min(_FEWEST_SAMPLES, _LONGEST_FRAME_US / rate_us))
    count = max(2, min(round(samples), events.MAX_SAMPLES, 1 + int(_LONGEST_FRAME_US // rate_us)))
    near = np.abs(intervals[first : first + count - 1] - rate_us) <= _JITTER * rate_us
    run = len(near) if near.all() else int(np.argmin(near))
    while run > 1:
        fitted = t_us[first] + np.arange(run + 1) * ((t_us[first + run] - t_us[first]) / run)
        if np.abs(fitted - t_us[first : first + run + 1]).max() <= rate_us / 2:
            break
        run //= 2
    return first + run


def _frame(recording: Recording, first: int, last: int, dt_us: int) -> Cut:
    part = slice(first, last + 1)
    depth_mm: list[float | None] = [None if math.isnan(mm) else mm for mm in recording.depth_mm[part].tolist()]
    load_kg: list[float] = recording.load_kg[part].tolist()
    one_load = min(load_kg) == max(load_kg)
    return Cut(int(recording.t_us[first]), dt_us, depth_mm, load_kg[0] if one_load else load_kg)


def timed(recording: Recording, config: ReplayConfig, now_us: int) -> Recording:
    """Move a recording to end now, unless its times are kept. Raises ReplayError where they would be refused."""
    first_us, end_us = int(recording.t_us[0]), int(recording.t_us[-1]) + recording.dt_us
    if not config.keep_times:
        if end_us - first_us > events.MAX_BEHIND_US:
            raise ReplayError(
                f"{config.path}: it lasts {(end_us - first_us) / 86_400e6:.1f} days: at most 30 are taken"
            )
        return Recording(recording.t_us + (now_us - end_us), recording.depth_mm, recording.load_kg)
    if first_us < now_us - events.MAX_BEHIND_US:
        begins = datetime.fromtimestamp(max(first_us, 0) // 1_000_000, UTC)
        raise ReplayError(f"{config.path}: line 2, t_us: {begins:%Y-%m-%d %H:%M} UTC is more than 30 days ago")
    if end_us > now_us + events.MAX_AHEAD_US:
        raise ReplayError(f"{config.path}: last line, t_us: {(end_us - now_us) / 1e6:.0f} s ahead of now")
    return recording


def known_machine(config: ReplayConfig, state: events.State | None) -> events.Online:
    """What the machine is: by its retained State, else by what the API has seen of it, else the usual incline press."""
    if isinstance(state, events.Online):
        return state
    usual = {press.online.kind: press.online for press in (INCLINE, SEATED, SUPINE)}
    try:
        with Api(config.api_url, config.api_token) as api:
            known = _seen_machine(api, config.gym, config.machine)
    except ApiError as error:
        log.warning("replay.machine_unknown", machine=config.machine, assumed="incline", reason=str(error))
        known = None
    if known is None or known.get("kind") is None:
        return events.Online("none", "incline", rail_deg=45.0, backrest_deg=30.0, travel_mm=620.0, rate_hz=50.0)
    # How far the footplate of this very machine is, nobody said.
    online = msgspec.structs.replace(usual[known["kind"]], reach_mm=None, notch_mm=None, model=known.get("model"))
    return msgspec.structs.replace(online, travel_mm=known.get("travel_mm") or online.travel_mm)


def _seen_machine(api: Api, gym: str, machine: str) -> dict[str, Any] | None:
    if api.find(f"/gyms/{gym}/machines") is None:
        return None
    return next((item for item in api.items(f"/gyms/{gym}/machines") if item["machine"] == machine), None)


def retained_state(config: ReplayConfig, broker: BrokerAddress) -> events.State | None:
    """The machine's State as the broker keeps it, None where it keeps none. Raises Failed when there is no broker."""
    topic = events.topic(config.gym, config.machine, events.TopicKind.STATE)
    told: list[bytes] = []
    refused: list[str] = []
    subscribed: list[float] = []

    def ask(client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            refused.append(f" ({broker.why_refused(reason)})")
        else:
            client.subscribe(topic, 1)

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
    broker.prepare(client)
    client.on_connect = ask
    client.on_subscribe = lambda *_: subscribed.append(time.monotonic())
    client.on_message = lambda _client, _userdata, message: told.append(bytes(message.payload))
    deadline_s = time.monotonic() + _CONNECT_S
    try:
        client.connect(broker.host, broker.port, clean_start=True)
        while not told and not (subscribed and time.monotonic() > subscribed[0] + _STATE_S):
            if client.loop(0.05) != MQTTErrorCode.MQTT_ERR_SUCCESS or time.monotonic() > deadline_s:
                why = "".join(refused[:1])
                raise Failed(
                    f"the broker at {broker} does not take our connection{why}: SLEDWATCH_MQTT_URL says where it is"
                )
    except OSError as error:
        why = broker.why_unreachable(error)
        raise Failed(f"no broker at {broker} ({why}): SLEDWATCH_MQTT_URL says where it is") from error
    finally:
        client.disconnect()
    decoded = events.decode(topic, told[0], config.clock_us()) if told else None
    if isinstance(decoded, events.Event) and isinstance(decoded.payload, events.Online | events.Offline):
        return decoded.payload
    return None


class _Replay:
    """One recording on its way."""

    def __init__(
        self,
        config: ReplayConfig,
        network: Network,
        broker: BrokerAddress,
        state: events.State | None,
        online: events.Online,
        recording: Recording,
        report: Callable[[ReplayProgress], None],
        stop: threading.Event,
    ) -> None:
        self._config = config
        self._network = network
        self._found = state
        self._report = report
        self._stop = stop
        self._failure: Failed | None = None
        self._frames = list(cut(recording))
        self._sent = 0
        self._end_us = int(recording.t_us[-1]) + recording.dt_us
        self._session = config.session or secrets.token_hex(13)
        boot = config.boot or secrets.token_hex(13)
        # Not the name of the machine itself: the broker would end that one's connection.
        self._device = Device(
            network,
            OwnConnection(network, broker, f"replay.{boot}"),
            config.gym,
            config.machine,
            online,
            boot,
            capacity=len(self._frames) + 2,
        )
        self._setup = events.Setup(online.backrest_deg, config.notch, config.foot_row)

    def run(self) -> list[str]:
        device, network = self._device, self._network
        device.switch_on()
        network.call_later(_CONNECT_S, self._require_connection)
        self._until(lambda: device.connected)
        if not self._over():
            device.badge_in(self._session, self._config.user, self._frames[0].t_us, self._setup)
            self._send()
            self._watch(len(self._frames) + 2, network.clock())
            self._until(lambda: self._sent == len(self._frames) and device.unstored == 0)
        if device.session is not None:
            device.badge_out(self._end_us, "timeout")
        self._goodbye()
        if self._failure is not None:
            raise self._failure
        if device.lost:
            raise Failed(f"{device.lost} messages were asked for again and again, and never stored: is ingest well?")
        return [self._session]

    def _over(self) -> bool:
        return self._stop.is_set() or self._failure is not None

    def _until(self, done: Callable[[], bool]) -> None:
        self._network.run(lambda: self._over() or done())

    def _send(self) -> None:
        device = self._device
        for _ in range(_PORTION):
            if device.unstored >= _MOST_UNSTORED:
                break
            if self._sent == len(self._frames):
                device.badge_out(self._end_us)
                return
            frame = self._frames[self._sent]
            device.frame(frame.t_us, frame.dt_us, frame.depth_mm, frame.load_kg)
            self._sent += 1
        self._network.call_later(0.005, self._send)

    def _require_connection(self) -> None:
        if not self._device.connected:
            self._failure = Failed(f"no broker for the machine ({self._device.last_error or 'no answer'})")

    def _watch(self, left: int, since_s: float) -> None:
        """Say where it stands, and give up when nothing moves."""
        now_s, unstored = self._network.clock(), self._device.unstored
        left_now = len(self._frames) - self._sent + unstored
        self._report(ReplayProgress(self._sent, len(self._frames), unstored))
        if left_now < left:
            left, since_s = left_now, now_s
        if now_s - since_s > _STALLED_S:
            self._failure = Failed(f"{unstored} messages are not stored after {_STALLED_S:.0f} s: is ingest running?")
            return
        self._network.call_later(0.5, partial(self._watch, left, since_s))

    def _goodbye(self) -> None:
        gone: list[bool] = []
        # The machine itself may be there; whoever connects next should not take it for gone.
        leave = events.encode(self._found) if self._found is not None else None
        self._device.switch_off(lambda: gone.append(True), leave=leave)
        deadline_s = self._network.clock() + _GOODBYE_S
        self._network.run(lambda: bool(gone) or self._network.clock() > deadline_s)
        self._network.refusals.sum_up()
        self._report(ReplayProgress(self._sent, len(self._frames), self._device.unstored))
