"""The firmware of a leg press, in one file: what a manufacturer would write to be watched by Sledwatch.

It needs nothing but paho-mqtt (2.1 or newer), and speaks version 1 of the contract (docs/asyncapi.yaml):

    python examples/machine_firmware.py --user m-1042

It samples the sled 50 times a second, sends a frame each second, and keeps on disk what it sent until ingest says that
it is stored. So pull the cable, stop the broker, or end it with kill -9 and start it again: nothing is lost that it
still holds. Ctrl-C badges out, waits until all is stored, and says goodbye.

The one thing that is not real is the class Encoder. Put yours there.
"""

import argparse
import json
import math
import queue
import random
import secrets
import signal
import sqlite3
import sys
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

RATE_HZ = 50
DT_US = 1_000_000 // RATE_HZ
SHORTEST_FRAME_US = 100_000
LOOK_AGAIN_S = 30.0  # how often what is missing is sent again,
RESENDS = 3  # and how many times, before it is given up
GOODBYE_S = 5.0  # how long the end waits for `stored`
MOVES_MM = 5.0  # travel within a frame that means that somebody is pressing


class Encoder:
    """Where the sled is. This one makes it up: ten seconds of rest, then eight reps, over and over.

    Yours reads the string pot, the rotary encoder or the laser, and the load cell or the position of the stack's pin.
    """

    def __init__(self, depth_mm: float, load_kg: float) -> None:
        self.bottom_mm = depth_mm
        self.load_kg = load_kg
        self.begun_s = time.monotonic()

    def read(self) -> tuple[float | None, float]:
        """Sled travel from the rack towards the user in mm, None where the sensor gave nothing; moved mass in kg."""
        at_s = (time.monotonic() - self.begun_s) % 40.0
        travel = (1.0 - math.cos(2.0 * math.pi * (at_s - 10.0) / 3.5)) / 2.0 if 10.0 < at_s < 38.0 else 0.0
        return round(self.bottom_mm * travel + random.gauss(0.0, 0.3), 1), self.load_kg


class Memory:
    """What was sent and is not known to be stored. A machine has flash for it; here it is a small SQLite file."""

    def __init__(self, path: str) -> None:
        self.rows = sqlite3.connect(path, isolation_level=None)
        self.rows.execute(
            "CREATE TABLE IF NOT EXISTS kept (boot TEXT, seq INTEGER, kind TEXT, payload BLOB, PRIMARY KEY (boot, seq))"
        )

    def keep(self, boot: str, seq: int, kind: str, payload: bytes) -> None:
        self.rows.execute("INSERT INTO kept VALUES (?, ?, ?, ?)", (boot, seq, kind, payload))

    def everything(self) -> list[tuple[str, int, str, bytes]]:
        """All that is kept: boot, seq, kind, payload; earlier boots first."""
        return self.rows.execute("SELECT boot, seq, kind, payload FROM kept ORDER BY rowid").fetchall()

    def numbers(self, boot: str, first: int, last: int) -> list[int]:
        """Which numbers of a range are kept."""
        found = "SELECT seq FROM kept WHERE boot = ? AND seq BETWEEN ? AND ? ORDER BY seq"
        return [seq for (seq,) in self.rows.execute(found, (boot, first, last))]

    def let_go(self, boot: str, first: int, last: int) -> None:
        self.rows.execute("DELETE FROM kept WHERE boot = ? AND seq BETWEEN ? AND ?", (boot, first, last))

    def runs(self, boot: str | None = None, but: str | None = None) -> list[dict[str, object]]:
        """What is kept, of one boot or of all but one, as ranges without gaps: what a State lists as `held`."""
        runs: list[dict[str, object]] = []
        for name, seq in self.rows.execute("SELECT boot, seq FROM kept ORDER BY rowid").fetchall():
            if name == but or (boot is not None and name != boot):
                continue
            if runs and (runs[-1]["boot"], runs[-1]["to"]) == (name, seq - 1):
                runs[-1]["to"] = seq
            else:
                runs.append({"boot": name, "from": seq, "to": seq})
        return runs

    def __len__(self) -> int:
        return int(self.rows.execute("SELECT count(*) FROM kept").fetchone()[0])


class Machine:
    """The machine. Its own thread does everything; MQTT's thread only puts what it hears into the inbox."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.encoder = Encoder(options.depth_mm, options.load_kg)
        self.memory = Memory(options.memory)
        # Times count on evenly from here: a clock that is set in mid-set must not make two samples fall together.
        self.begun_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self.boot = secrets.token_hex(12)  # 96 random bits: new at each power-up, never seen before
        self.seq = 0
        self.session: str | None = None
        self.last_session: tuple[int, bytes] | None = None
        self.limit_mm: float | None = None
        self.online = False
        self.stopping = False
        self.watermarks: dict[str, int] = {}
        self.missing: dict[str, list[list[int]]] = {}
        self.resent: dict[tuple[str, int], int] = {}
        self.answered = True  # whether ingest has said anything since we last sent something again
        self.inbox: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self.client = self.connect()

    def now_us(self) -> int:
        return self.begun_us + time.monotonic_ns() // 1000

    # Connecting.

    def topic(self, kind: str) -> str:
        return f"sledwatch/v1/{self.options.gym}/{self.options.machine}/{kind}"

    def connect(self) -> Client:
        """Begin to connect, and stay connected for as long as the process lives."""
        broker = urlsplit(self.options.mqtt)
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{self.options.gym}.{self.options.machine}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        if broker.scheme == "mqtts":
            client.tls_set(self.options.ca)
        if broker.username:
            client.username_pw_set(unquote(broker.username), unquote(broker.password or ""))
        # The broker says this for us if we are gone without a word.
        will = {"v": 1, "status": "offline", "boot": self.boot}
        client.will_set(self.topic("state"), json.dumps(will), qos=1, retain=True)
        heard = [(self.topic(kind), 1) for kind in ("stored", "limit", "cue")]

        def on_connect(client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                self.inbox.put(("refused", str(reason).encode()))
            else:
                client.subscribe(heard)

        client.on_connect = on_connect
        client.on_connect_fail = lambda *_: self.inbox.put(("nobody", b""))
        client.on_subscribe = lambda *_: self.inbox.put(("online", b""))
        client.on_disconnect = lambda *_: self.inbox.put(("offline", b""))
        client.on_message = lambda _client, _data, message: self.inbox.put(
            (message.topic.split("/")[-1], bytes(message.payload))
        )
        client.reconnect_delay_set(1, 10)
        # A clean start: the broker need not remember us, for we hold our own queue.
        client.connect_async(broker.hostname or "127.0.0.1", broker.port or 1883, keepalive=30, clean_start=True)
        client.loop_start()
        return client

    def publish(self, kind: str, payload: bytes, *, retain: bool = False) -> None:
        # Nothing is left to the library while we are offline: our memory has it, and sends it after the reconnect.
        if self.online:
            self.client.publish(self.topic(kind), payload, qos=1, retain=retain)

    # Speaking.

    def say_state(self) -> None:
        """The birth certificate, and what we still hold."""
        own = self.memory.runs(boot=self.boot)
        state = {
            "v": 1,
            "status": "online",
            "boot": self.boot,
            "t_us": self.now_us(),
            "kind": "incline",
            "rail_deg": 45.0,
            "backrest_deg": 30.0,
            "travel_mm": 620.0,
            "rate_hz": float(RATE_HZ),
            "resistance": "plates",
            "moves": "plate",
            "model": "Example-45",
            "firmware": "1.0.0",
            "oldest_seq": own[0]["from"] if own else self.seq,
            "held": self.memory.runs(but=self.boot),
        }
        self.publish("state", json.dumps(state).encode(), retain=True)

    def send(self, kind: str, body: dict[str, object]) -> None:
        """Number a message, keep it, and only then send it."""
        payload = json.dumps({"v": 1, "boot": self.boot, "seq": self.seq, **body}).encode()
        self.memory.keep(self.boot, self.seq, kind, payload)
        if kind == "session":
            self.last_session = (self.seq, payload)
        self.seq += 1
        self.publish(kind, payload, retain=kind == "session")

    def send_again(self, rows: list[tuple[str, int, str, bytes]]) -> None:
        for boot, seq, kind, payload in rows:
            # Only the last Session is retained: an older one must not take its place.
            last = self.last_session is not None and (boot, seq) == (self.boot, self.last_session[0])
            self.publish(kind, payload, retain=last)

    def badge_in(self, user: str) -> None:
        self.session, self.limit_mm = secrets.token_hex(12), None
        setup = {"backrest_deg": 30.0, "notch": 4, "foot_row": 2}
        begun = {"event": "start", "session": self.session, "user": user, "t_us": self.now_us()}
        self.send("session", {**begun, "setup": setup})
        print(f"session {self.session} begins: {user}", flush=True)

    def badge_out(self, t_us: int) -> None:
        self.send("session", {"event": "end", "session": self.session, "t_us": t_us, "reason": "badge_out"})
        print(f"session {self.session} ends", flush=True)
        self.session, self.limit_mm = None, None

    # Listening.

    def hear(self) -> None:
        """Take what has come."""
        while not self.inbox.empty():
            kind, payload = self.inbox.get()
            if kind == "online":
                self.begin_online()
            elif kind == "offline":
                self.online = False
                print("offline: what is measured now is kept", flush=True)
            elif kind == "nobody":
                print(f"no broker at {self.options.mqtt}: once more in a moment", file=sys.stderr, flush=True)
            elif kind == "refused":
                print(f"the broker does not let us in: {payload.decode()}", file=sys.stderr, flush=True)
            else:
                self.hear_message(kind, payload)

    def begin_online(self) -> None:
        """After each connect: the retained messages anew, then everything above the watermark."""
        self.online = True
        self.say_state()
        if self.last_session is not None:
            self.publish("session", self.last_session[1], retain=True)
        kept = self.memory.everything()
        print(f"online as {self.boot}, {len(kept)} messages are not known to be stored", flush=True)
        self.send_again(kept)

    def hear_message(self, kind: str, payload: bytes) -> None:
        try:
            said = json.loads(payload)
            if kind == "stored":
                for report in said["boots"]:
                    self.hear_stored(report["boot"], report["seq"], report.get("missing", []))
            elif said["session"] != self.session:
                return  # of a session that is over
            elif kind == "limit":
                self.limit_mm = said["limit_mm"]
                print(f"the light comes on at {self.limit_mm} mm", flush=True)
            elif kind == "cue":
                print(f"on the display: {said['kind']} ({said['depth_mm']:.0f} mm)", flush=True)
        except (ValueError, KeyError, TypeError) as error:
            # A newer service may say what this firmware does not know; that is no reason to stop measuring.
            print(f"not understood: {kind}: {error!r}", file=sys.stderr, flush=True)

    def hear_stored(self, boot: str, seq: int, missing: list[list[int]]) -> None:
        """Let go of all up to the watermark but for what is missing."""
        self.answered = True
        if seq < self.watermarks.get(boot, -1):
            return  # older than what we know already
        self.watermarks[boot], self.missing[boot] = seq, missing
        first = 0
        for low, high in [*missing, [seq + 1, seq + 1]]:
            self.memory.let_go(boot, first, low - 1)
            first = high + 1

    def look_again(self) -> None:
        """Every 30 s: what is missing goes out again, three times; then it is given up, and a new State says so."""
        if not self.answered:
            self.say_state()  # ingest is away: it gives up nothing, and we do not either; a State asks for its answer
            return
        gave_up = False
        for boot, ranges in self.missing.items():
            for low, high in ranges:
                for seq in self.memory.numbers(boot, low, high):
                    times = self.resent[boot, seq] = self.resent.get((boot, seq), 0) + 1
                    if times > RESENDS:
                        self.memory.let_go(boot, seq, seq)
                        gave_up = True
                    else:
                        self.send_again([row for row in self.memory.everything() if row[:2] == (boot, seq)])
                        self.answered = False
        if gave_up:
            self.say_state()

    # Measuring.

    def run(self) -> None:
        """Sample, send, listen, until it is told to stop."""
        samples = round(self.options.frame_s * RATE_HZ)
        depths: list[float | None] = []
        loads: list[float] = []
        frame_us = next_us = self.now_us()
        look_again_s = time.monotonic() + LOOK_AGAIN_S
        end_s = time.monotonic() + self.options.seconds if self.options.seconds else math.inf
        self.badge_in(self.options.user)
        while not self.stopping and time.monotonic() < end_s:
            time.sleep(max(0, next_us - self.now_us()) / 1e6)
            depth_mm, load_kg = self.encoder.read()
            depths.append(depth_mm)
            loads.append(load_kg)
            next_us += DT_US
            if len(depths) == samples:
                self.frame(frame_us, depths, loads)
                depths, loads = [], []
                # A machine that was held up goes on from now; it does not make up for what it did not see.
                frame_us = next_us = max(next_us, self.now_us() - DT_US)
            self.hear()
            if self.online and time.monotonic() > look_again_s:
                look_again_s = time.monotonic() + LOOK_AGAIN_S
                self.look_again()
        if len(depths) * DT_US >= SHORTEST_FRAME_US:
            self.frame(frame_us, depths, loads)
        self.badge_out(next_us)
        self.leave()

    def frame(self, t_us: int, depth_mm: list[float | None], load_kg: list[float]) -> None:
        """Send a frame, if somebody is badged in or the sled moves."""
        seen = [mm for mm in depth_mm if mm is not None]
        if self.session is None and (not seen or max(seen) - min(seen) < MOVES_MM):
            return
        self.send(
            "frame",
            {
                "t_us": t_us,
                "dt_us": DT_US,
                "session": self.session,
                "depth_mm": depth_mm,
                "load_kg": load_kg[0] if len(set(load_kg)) == 1 else load_kg,
            },
        )
        light = "  LIGHT" if self.limit_mm is not None and seen and max(seen) > self.limit_mm else ""
        print(f"seq {self.seq - 1}  {max(seen, default=math.nan):.0f} mm  {len(self.memory)} kept{light}", flush=True)

    def leave(self) -> None:
        """Wait a little until all is stored, say Offline, and go. What is not stored is kept for the next time."""
        deadline_s = time.monotonic() + GOODBYE_S
        while self.online and len(self.memory) and time.monotonic() < deadline_s:
            time.sleep(0.02)
            self.hear()
        if self.online:
            word = json.dumps({"v": 1, "status": "offline", "boot": self.boot})
            self.client.publish(self.topic("state"), word, qos=1, retain=True).wait_for_publish(GOODBYE_S)
        self.client.disconnect()
        self.client.loop_stop()
        print(f"{len(self.memory)} messages are not known to be stored", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="A leg press that speaks to Sledwatch. Ctrl-C badges out.")
    parser.add_argument(
        "--mqtt", default="mqtt://127.0.0.1:1883", help="the broker: mqtt[s]://[USER:PASSWORD@]HOST[:PORT]"
    )
    parser.add_argument("--ca", help="the CA that signed the broker's certificate, where the system does not know it")
    parser.add_argument("--gym", default="example-gym")
    parser.add_argument("--machine", default="press-1")
    parser.add_argument("--user", default="m-1042", help="whose badge it is")
    parser.add_argument("--depth-mm", type=float, default=400.0, help="how deep the made-up reps go")
    parser.add_argument("--load-kg", type=float, default=120.0)
    parser.add_argument("--memory", default="machine-memory.db", help="the file that keeps what is not stored yet")
    parser.add_argument("--frame-s", type=float, default=1.0, help="the length of a frame, 0.1 to 10 seconds")
    parser.add_argument("--seconds", type=float, default=0.0, help="stop by itself after so long; 0: at Ctrl-C")
    options = parser.parse_args()
    if not 0.1 <= options.frame_s <= 10.0:
        parser.error(f"--frame-s {options.frame_s:g}: expected 0.1 to 10 seconds")
    machine = Machine(options)

    def stop(*_: object) -> None:
        machine.stopping = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    machine.run()


if __name__ == "__main__":
    main()
