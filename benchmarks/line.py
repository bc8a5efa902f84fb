"""The whole line under a full floor: CPU of each part, and how soon an alert is on the stream.

Run: python benchmarks/line.py [--machines 50] [--seconds 60]

Starts `sledwatch up --no-simulator` on free ports and an empty data directory, publishes a frame of 50 samples a second
for each machine in real time, and has every lifter go more than 30 mm past the limit in each ten-second session.
Latency counts from the time of the sample that completes the rule (limit + 30 mm passed) to the arrival of the alert on
/api/v1/stream; the wait for the end of that sample's frame is in it. CPU is what the kernel charged each process.
"""

import argparse
import itertools
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from sledwatch import events
from sledwatch.events import TopicKind

RATE_HZ = 50
SESSION_S = 10
LIMIT_MM = 400.0
TOKEN = "benchmark-token-of-its-own"  # noqa: S105 - it guards an empty directory on loopback
GYM = "bench"
PARTS = ("broker", "ingest", "analytics")


def free_port() -> int:
    """A loopback port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def one_session() -> NDArray[np.float64]:
    """Depth of a ten-second session: two presses to 450 mm, between them 1 s at 20 mm; millimetres at RATE_HZ."""
    s = np.linspace(0, 1, int(1.6 * RATE_HZ))
    travel = 20 + 430 * (10 * s**3 - 15 * s**4 + 6 * s**5)
    press = np.concatenate([travel, np.full(10, 450.0), travel[::-1], np.full(RATE_HZ, 20.0)])
    depth = np.full(SESSION_S * RATE_HZ, 20.0)
    depth[RATE_HZ : RATE_HZ + 2 * len(press)] = np.concatenate([press, press])[: len(depth) - RATE_HZ]
    return depth.round(1)


DEPTH = one_session()
COMPLETING = int(np.argmax(DEPTH > LIMIT_MM + 30))


@dataclass
class System:
    """A running `sledwatch up` and how to reach it."""

    process: "subprocess.Popen[bytes]"
    url: str
    mqtt_port: int
    arrived: dict[str, float] = field(default_factory=dict)

    def call(self, method: str, path: str, body: object = None) -> bytes:
        """A call below /api/v1."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def follow(self) -> None:
        """Read the stream for ever; note when the alert of each session came."""
        request = urllib.request.Request(f"{self.url}/api/v1/stream", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=60) as stream:
            event = ""
            for raw in stream:
                line = raw.decode().rstrip("\n")
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:") and event == "alert":
                    alert = json.loads(line[5:])
                    if alert["rule"] == "depth.excessive":
                        self.arrived.setdefault(alert["session"], time.time())

    def cpu_seconds(self) -> dict[str, float]:
        """What each part has used so far."""
        ticks = os.sysconf("SC_CLK_TCK")
        used = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
                words = (stat.parent / "cmdline").read_text().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == self.process.pid:
                part = next((name for name in PARTS if name in words), None)
                if part:
                    used[part] = (int(fields[11]) + int(fields[12])) / ticks
        return used


def start(directory: Path) -> System:
    """Start the system and wait until it is ready."""
    http_port, mqtt_port = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLEDWATCH_")}
    environment |= {"SLEDWATCH_API_TOKEN": TOKEN, "SLEDWATCH_DATA": str(directory)}
    ports = ["--http-port", str(http_port), "--mqtt-port", str(mqtt_port)]
    command = [str(Path(sys.executable).parent / "sledwatch"), "up", "--no-simulator", *ports]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    system = System(process, f"http://127.0.0.1:{http_port}", mqtt_port)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{system.url}/readyz", timeout=2):
                return system
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise SystemExit("not ready within 60 s")


def messages(machine: int, boot: str, start_us: int) -> Iterator[tuple[float, TopicKind, bytes, str | None, int]]:
    """What a machine publishes: (due, kind, payload, session whose rule it completes, time of that sample)."""
    setup = events.Setup(backrest_deg=30.0, notch=4, foot_row=2)
    seq = itertools.count()
    for number in itertools.count():
        begin_us = start_us + number * SESSION_S * 1_000_000
        session = f"bench-{boot[:8]}-{machine}-{number}"
        first = events.SessionStart(
            boot=boot, seq=next(seq), session=session, user=f"u-{machine}", t_us=begin_us, setup=setup
        )
        yield begin_us / 1e6, TopicKind.SESSION, events.encode(first), None, 0
        for second in range(SESSION_S):
            low = second * RATE_HZ
            t_us = begin_us + second * 1_000_000
            frame = events.Frame(
                boot=boot,
                seq=next(seq),
                t_us=t_us,
                dt_us=1_000_000 // RATE_HZ,
                session=session,
                depth_mm=DEPTH[low : low + RATE_HZ].tolist(),
                load_kg=120.0,
            )
            completes = low <= COMPLETING < low + RATE_HZ
            sample_us = begin_us + COMPLETING * 1_000_000 // RATE_HZ
            due = (t_us + 1_000_000) / 1e6
            yield due, TopicKind.FRAME, events.encode(frame), session if completes else None, sample_us
        end_us = begin_us + SESSION_S * 1_000_000
        last = events.SessionEnd(boot=boot, seq=next(seq), session=session, t_us=end_us, reason="badge_out")
        yield end_us / 1e6, TopicKind.SESSION, events.encode(last), None, 0


def load(system: System, machines: int, seconds: float) -> dict[str, float]:
    """Publish in real time; returns the sample time, in seconds, that completes the rule of each session."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench", protocol=mqtt.MQTTv5)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", system.mqtt_port)
    client.loop_start()
    boot = os.urandom(8).hex()
    begin = time.time() + 1
    streams = []
    for machine in range(machines):
        name = f"press-{machine}"
        system.call("PUT", f"/members/u-{machine}/limits/{GYM}/{name}", {"limit_mm": LIMIT_MM})
        online = events.Online(
            boot=boot, kind="incline", rail_deg=45.0, backrest_deg=30.0, travel_mm=620.0, rate_hz=float(RATE_HZ)
        )
        client.publish(events.topic(GYM, name, TopicKind.STATE), events.encode(online), qos=1, retain=True)
        offset_us = int((begin + machine / machines) * 1e6)
        streams.append((name, messages(machine, boot, offset_us)))
    waiting = sorted((next(stream), name, stream) for name, stream in streams)
    completed: dict[str, float] = {}
    while waiting and waiting[0][0][0] < begin + seconds:
        (due, kind, payload, session, sample_us), name, stream = waiting.pop(0)
        time.sleep(max(0.0, due - time.time()))
        client.publish(events.topic(GYM, name, kind), payload, qos=1, retain=kind is TopicKind.SESSION)
        if session:
            completed[session] = sample_us / 1e6
        waiting.append((next(stream), name, stream))
        waiting.sort(key=lambda entry: entry[0][0])
    time.sleep(2)
    client.disconnect()
    client.loop_stop()
    return completed


def main() -> None:
    """Run, and print CPU and latency."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {' '.join(sys.argv)}")
    with tempfile.TemporaryDirectory() as directory:
        system = start(Path(directory) / "data")
        try:
            threading.Thread(target=system.follow, daemon=True).start()
            before, t0 = system.cpu_seconds(), time.monotonic()
            completed = load(system, options.machines, options.seconds)
            spent, elapsed = system.cpu_seconds(), time.monotonic() - t0
        finally:
            system.process.send_signal(signal.SIGINT)
            system.process.wait(20)
    shares = {part: 100 * (spent[part] - before[part]) / elapsed for part in PARTS}
    print(f"{options.machines} machines at {RATE_HZ} Hz in real time for {elapsed:.0f} s, shares of one core:")
    for part, share in [*shares.items(), ("together", sum(shares.values()))]:
        print(f"  {part:10} {share:5.1f} %")
    lags = sorted(
        1e3 * (system.arrived[session] - at) for session, at in completed.items() if session in system.arrived
    )
    print(f"{len(lags)} of {len(completed)} alerts seen; completing sample to alert on /stream, in ms:")
    print(
        f"  p50 {np.percentile(lags, 50):.0f}   p99 {np.percentile(lags, 99):.0f}   max {lags[-1]:.0f}   (frame 1000)"
    )


if __name__ == "__main__":
    main()
