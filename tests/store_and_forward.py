"""A machine for tests of ingest: it keeps what it sent until it is `stored`, and sends it again until then."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from sledwatch.address import BrokerAddress
from sledwatch.events import Frame, Online, SessionEnd, SessionStart, Setup, Stored, TopicKind, encode, topic


def now_us() -> int:
    """The wall clock."""
    return time.time_ns() // 1000


def frame(seq: int, *, boot: str = "boot-1", session: str | None = None, t_us: int | None = None) -> Frame:
    """A frame of ten samples at 50 Hz, told apart by its number."""
    depth_mm: list[float | None] = [float(seq % 500), None, *(float(i) for i in range(8))]
    return Frame(
        boot=boot,
        seq=seq,
        t_us=now_us() if t_us is None else t_us,
        dt_us=20_000,
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
    """One machine, one boot. It sends again what is not `stored` in `again_s` seconds, and all of it on reconnect."""

    def __init__(
        self, url: str, gym: str = "gym", name: str = "lp-1", *, boot: str = "boot-1", again_s: float = 3.0
    ) -> None:
        self.gym, self.name, self.boot = gym, name, boot
        self.frames: list[Frame] = []
        self._again_s = again_s
        self._lock = threading.Lock()
        self._kept: dict[int, Kept] = {}
        self._seq = 0
        self._closing = threading.Event()
        address = BrokerAddress.parse(url)
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"{gym}-{name}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async(address.host, address.port, keepalive=20, clean_start=True)
        self._client.loop_start()
        self._again = threading.Thread(target=self._send_again, daemon=True)
        self._again.start()

    @property
    def unstored(self) -> list[int]:
        """The numbers it still keeps."""
        with self._lock:
            return sorted(self._kept)

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def press(self, frames: int, per_s: float | None = None) -> None:
        """Send so many frames, evenly over time where a rate is given."""
        begun_s = time.monotonic()
        for n in range(frames):
            sample = frame(self._seq, boot=self.boot)
            self.frames.append(sample)
            self._send(TopicKind.FRAME, sample)
            if per_s is not None:
                self._closing.wait(max(0.0, begun_s + (n + 1) / per_s - time.monotonic()))

    def press_badly(self, **changes: Any) -> None:
        """Send a frame that breaks the contract, under a number of its own."""
        broken = msgspec.to_builtins(frame(self._seq, boot=self.boot)) | changes
        self._send(TopicKind.FRAME, msgspec.json.encode(broken))

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
            self._kept = {seq: Kept("", b"", time.monotonic()) for seq in seqs}

    def close(self) -> None:
        self._closing.set()
        self._client.disconnect()
        self._client.loop_stop()
        self._again.join(5)

    def _send(self, kind: TopicKind, message: Frame | SessionStart | SessionEnd | bytes) -> None:
        payload = message if isinstance(message, bytes) else encode(message)
        with self._lock:
            kept = Kept(topic(self.gym, self.name, kind), payload, time.monotonic())
            self._kept[self._seq] = kept
            self._seq += 1
        self._publish(kept)

    def _publish(self, kept: Kept) -> None:
        # A queue of paho's own would send what is long stored; ours is the only one.
        if self._client.is_connected():
            self._client.publish(kept.topic, kept.payload, qos=1, retain=kept.topic.endswith("/session"))

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        client.subscribe(topic(self.gym, self.name, TopicKind.STORED), qos=1)
        birth = msgspec.structs.replace(ONLINE, boot=self.boot)
        client.publish(topic(self.gym, self.name, TopicKind.STATE), encode(birth), qos=1, retain=True)
        self._send_kept(older_than_s=0.0)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        for stored in msgspec.json.decode(message.payload, type=Stored).boots:
            if stored.boot == self.boot:
                missing = {seq for low, high in stored.missing for seq in range(low, high + 1)}
                with self._lock:
                    self._kept = {n: kept for n, kept in self._kept.items() if n > stored.seq or n in missing}

    def _send_again(self) -> None:
        while not self._closing.wait(0.2):
            self._send_kept(older_than_s=self._again_s)

    def _send_kept(self, older_than_s: float) -> None:
        now_s = time.monotonic()
        with self._lock:
            late = [n for n, kept in self._kept.items() if now_s - kept.sent_s >= older_than_s]
            for n in late:
                self._kept[n] = Kept(self._kept[n].topic, self._kept[n].payload, now_s)
            again = [self._kept[n] for n in sorted(late)]
        for kept in again:
            self._publish(kept)
