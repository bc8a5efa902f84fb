"""A machine for tests of ingest: it keeps what it sent until it is `stored`, and sends it again until then.

It is no part of the simulator, so that neither can hide what the other gets wrong.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from typing import Any, Final

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from sledwatch.address import BrokerAddress
from sledwatch.events import (
    Frame,
    Held,
    Offline,
    Online,
    SessionEnd,
    SessionStart,
    Setup,
    Stored,
    TopicKind,
    encode,
    topic,
)

# A frame is short, so that event time keeps behind the wall clock however fast frames are sent; and no two samples of
# a boot fall together, as they never do on a machine.
FRAME_US: Final = 10_000


def now_us() -> int:
    """The wall clock."""
    return time.time_ns() // 1000


def frame(
    seq: int, *, boot: str = "boot-1", session: str | None = None, t_us: int | None = None, samples: int = 10
) -> Frame:
    """A frame of FRAME_US, told apart by its number; one of its samples is missing."""
    depth_mm: list[float | None] = [float(seq % 500), None, *(float(i) for i in range(samples - 2))]
    return Frame(
        boot=boot,
        seq=seq,
        t_us=now_us() if t_us is None else t_us,
        dt_us=FRAME_US // samples,
        depth_mm=depth_mm,
        load_kg=100.0,
        session=session,
    )


ONLINE = Online(boot="boot-1", kind="incline", rail_deg=45.0, backrest_deg=30.0, travel_mm=620.0, rate_hz=50.0)


@dataclass(frozen=True)
class Kept:
    """A message that is not known to be stored."""

    topic: str
    payload: bytes
    sent_s: float


class Machine:
    """One machine. It sends again what is not `stored` in `again_s` seconds, and all of it on reconnect.

    samples: of each of its frames. ago_us: how long ago the first of them was taken; they follow each other.
    """

    def __init__(
        self,
        url: str,
        gym: str = "gym",
        name: str = "lp-1",
        *,
        boot: str = "boot-1",
        again_s: float = 3.0,
        samples: int = 10,
        ago_us: int = 0,
    ) -> None:
        self.gym, self.name, self.boot = gym, name, boot
        self.frames: list[Frame] = []
        self.heard: list[Stored] = []
        self.acknowledged = 0
        self._again_s = again_s
        self._samples = samples
        self._lock = threading.Lock()
        # By boot and number, earlier boots first.
        self._kept: dict[tuple[str, int], Kept] = {}
        self._watermarks: dict[str, int] = {}
        self._last_session: Kept | None = None
        self._seq = 0
        self._ago_us = ago_us
        self._end_us = 0
        self._closing = threading.Event()
        self._address = BrokerAddress.parse(url)
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"{gym}-{name}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._address.prepare(self._client)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.reconnect_delay_set(1, 1)
        self.come_back()
        self._again = threading.Thread(target=self._send_again, daemon=True)
        self._again.start()

    @property
    def unstored(self) -> list[int]:
        """The numbers it still keeps, those of earlier boots first."""
        with self._lock:
            return [seq for _, seq in self._kept]

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def press(self, frames: int, per_s: float | None = None) -> None:
        """Send so many frames, evenly over time where a rate is given."""
        begun_s = time.monotonic()
        for n in range(frames):
            t_us = max(now_us() - self._ago_us, self._end_us)
            self._end_us = t_us + FRAME_US
            sample = frame(self._seq, boot=self.boot, t_us=t_us, samples=self._samples)
            self.frames.append(sample)
            self._send(TopicKind.FRAME, sample)
            if per_s is not None and self._closing.wait(max(0.0, begun_s + (n + 1) / per_s - time.monotonic())):
                return

    def press_badly(self, **changes: Any) -> None:
        """Send a frame with something in it that is not as usual, under a number of its own."""
        changed = msgspec.to_builtins(frame(self._seq, boot=self.boot)) | changes
        self._send(TopicKind.FRAME, msgspec.json.encode(changed))

    def publish(self, topic: str, payload: bytes) -> None:
        """Send anything, unnumbered."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def publish_and_forget(self, topic: str, payload: bytes) -> None:
        """Send something that the broker need not take, and come back if it shows us the door for it."""
        self._client.publish(topic, payload, qos=0)

    def badge_in(self, session: str, user: str) -> None:
        setup = Setup(backrest_deg=30.0, notch=4, foot_row=2)
        event = SessionStart(boot=self.boot, seq=self._seq, session=session, user=user, t_us=now_us(), setup=setup)
        self._send(TopicKind.SESSION, event)

    def badge_out(self, session: str) -> None:
        event = SessionEnd(boot=self.boot, seq=self._seq, session=session, t_us=now_us(), reason="badge_out")
        self._send(TopicKind.SESSION, event)

    def pretend_to_keep(self, seqs: range) -> None:
        """As if it had sent these without ever hearing that they are stored."""
        with self._lock:
            self._kept = {(self.boot, seq): Kept("", b"", time.monotonic()) for seq in seqs}

    def forget(self, seqs: Iterable[int]) -> None:
        """Have no room for these any more; the next State says so."""
        with self._lock:
            for seq in seqs:
                self._kept.pop((self.boot, seq), None)

    def say_state(self) -> None:
        """Say who it is and what it still holds."""
        with self._lock:
            kept = list(self._kept)
            state = msgspec.structs.replace(
                ONLINE,
                boot=self.boot,
                oldest_seq=next((seq for boot, seq in kept if boot == self.boot), self._seq),
                held=tuple(held for boot, seqs in groupby(kept, key=lambda k: k[0]) for held in self._runs(boot, seqs)),
            )
        self._client.publish(topic(self.gym, self.name, TopicKind.STATE), encode(state), qos=1, retain=True)

    def reboot(self, boot: str) -> None:
        """Power off and on: a new boot. What it kept it keeps."""
        self.go_away()
        with self._lock:
            self.boot, self._seq, self._last_session = boot, 0, None
        self.come_back()

    def go_away(self) -> None:
        """Leave the network; what it presses meanwhile it keeps."""
        self._client.disconnect()
        self._client.loop_stop()

    def come_back(self) -> None:
        """Be on the network, now or as soon as the broker is there."""
        will = encode(Offline(self.boot))
        self._client.will_set(topic(self.gym, self.name, TopicKind.STATE), will, qos=1, retain=True)
        self._client.connect_async(self._address.host, self._address.port, keepalive=20, clean_start=True)
        self._client.loop_start()

    def close(self) -> None:
        self._closing.set()
        self.go_away()
        self._again.join(5)

    def _runs(self, boot: str, seqs: Iterable[tuple[str, int]]) -> Iterable[Held]:
        if boot == self.boot:
            return
        for _, run in groupby(enumerate(seq for _, seq in seqs), key=lambda numbered: numbered[1] - numbered[0]):
            numbers = [seq for _, seq in run]
            yield Held(boot, numbers[0], numbers[-1])

    def _send(self, kind: TopicKind, message: Frame | SessionStart | SessionEnd | bytes) -> None:
        payload = message if isinstance(message, bytes) else encode(message)
        with self._lock:
            kept = Kept(topic(self.gym, self.name, kind), payload, time.monotonic())
            self._kept[self.boot, self._seq] = kept
            self._seq += 1
            if kind is TopicKind.SESSION:
                self._last_session = kept
        self._publish(kept)

    def _publish(self, kept: Kept) -> bool:
        """Whether it is on its way; paho takes no more than there are packet ids."""
        # A queue of paho's own would send what is long stored; ours is the only one.
        if not self._client.is_connected():
            return False
        last = self._last_session
        retain = last is not None and kept.payload is last.payload
        info = self._client.publish(kept.topic, kept.payload, qos=1, retain=retain)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        client.subscribe(topic(self.gym, self.name, TopicKind.STORED), qos=1)
        self.say_state()
        if self._last_session is not None:
            self._publish(self._last_session)
        self._send_kept(older_than_s=0.0)

    def _on_publish(self, *_: Any) -> None:
        self.acknowledged += 1

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        said = msgspec.json.decode(message.payload, type=Stored)
        self.heard.append(said)
        for stored in said.boots:
            if stored.seq < self._watermarks.get(stored.boot, -1):
                continue
            self._watermarks[stored.boot] = stored.seq
            missing = {seq for low, high in stored.missing for seq in range(low, high + 1)}
            with self._lock:
                self._kept = {
                    (boot, n): kept
                    for (boot, n), kept in self._kept.items()
                    if boot != stored.boot or n > stored.seq or n in missing
                }

    def _send_again(self) -> None:
        while not self._closing.wait(0.2):
            self._send_kept(older_than_s=self._again_s)

    def _send_kept(self, older_than_s: float) -> None:
        now_s = time.monotonic()
        with self._lock:
            late = {key: kept for key, kept in self._kept.items() if now_s - kept.sent_s >= older_than_s}
        sent = dict(takewhile(lambda item: self._publish(item[1]), late.items()))
        with self._lock:
            for key in late.keys() & self._kept.keys():
                self._kept[key] = replace(late[key], sent_s=now_s if key in sent else 0.0)
