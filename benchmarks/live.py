"""What following the floor costs, and how soon an alert is told: N machines at one frame of 50 samples a second.

    python benchmarks/live.py [MACHINES] [SECONDS]

A process of its own plays the machines over the embedded broker; every set of theirs goes too deep. Live analysis runs
here, on a real state DB. Latency is from a frame's last sample (it is published then) to the alert on the hub.
"""

import multiprocessing
import platform
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from sledwatch.events import Frame, Online, SessionStart, Setup, TopicKind, encode, topic
from sledwatch.reps import warm_up
from sledwatch_analytics.live import Link, LiveFloor
from sledwatch_analytics.stream import Hub
from sledwatch_app.broker import EmbeddedBroker
from sledwatch_storage.state.engine import migrate, open_state
from sledwatch_storage.state.limits import put_limit

GYM = "bench"
SECOND = 1_000_000


def now_us() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000


def depth_mm(t_s: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    """Sets of five presses of 3 s, 10 s apart; the last two go past 410 mm."""
    in_set = t_s % 25.0
    number = np.minimum(in_set // 3.0, 5)
    bottom = np.select([number < 3, number < 5], [380.0, 425.0], 20.0)
    moved = 20.0 + (bottom - 20.0) * (1 - np.cos(2 * np.pi * (in_set % 3.0) / 3.0)) / 2
    depths: list[float | None] = np.round(moved, 1).tolist()
    return depths


def play(port: int, machines: int, seconds: float) -> None:
    """Be all machines: each sends its frame when its last sample is taken, spread over the second."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began_us = now_us()
    for number in range(machines):
        name, boot = f"press-{number}", f"boot-{number}"
        online = Online(boot, "incline", 45.0, 30.0, 620.0, 50.0)
        start = SessionStart(boot, 0, f"s-{number}", f"m-{number}", began_us, Setup(30.0, 4, 2))
        client.publish(topic(GYM, name, TopicKind.STATE), encode(online), qos=1, retain=True)
        client.publish(topic(GYM, name, TopicKind.SESSION), encode(start), qos=1, retain=True)
    sample = np.arange(50) / 50.0
    for tick in range(int(seconds) * machines):
        second, number = divmod(tick, machines)
        begins_us = began_us + second * SECOND + number * SECOND // machines
        depths = depth_mm(sample + second + number * 0.37)
        frame = Frame(f"boot-{number}", second + 1, begins_us, 20_000, depths, 120.0, f"s-{number}")
        time.sleep(max(0.0, (begins_us + SECOND - now_us()) / SECOND))
        client.publish(topic(GYM, f"press-{number}", TopicKind.FRAME), encode(frame), qos=1)
    time.sleep(1.0)
    client.disconnect()
    client.loop_stop()


class TimedHub(Hub):
    """A hub that notes how old the newest sample of a machine is when its first alert is told."""

    def __init__(self) -> None:
        super().__init__()
        self.latencies_ms: dict[str, float] = {}
        self.floor: LiveFloor | None = None

    def publish(self, kind: str, data: Any) -> None:
        """As the hub does."""
        super().publish(kind, data)
        if kind == "alert" and self.floor is not None and data["machine"] not in self.latencies_ms:
            tile = next(one for one in self.floor.machines(GYM) if one["machine"] == data["machine"])
            self.latencies_ms[data["machine"]] = (now_us() - tile["t_us"]) / 1_000


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(machines: int, seconds: float) -> None:
    """Run and print."""
    warm_up()
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{place}/state.db"
        migrate(url)
        engine = open_state(url)
        for number in range(machines):
            user, machine = f"m-{number}", f"press-{number}"
            put_limit(engine, user, GYM, machine, limit_mm=410.0, set_by="bench", now_us=now_us())
        port = free_port()
        broker = EmbeddedBroker(Path(place), port)
        broker.start()
        hub, stop = TimedHub(), threading.Event()
        link = Link(f"mqtt://127.0.0.1:{port}", "bench")
        floor = LiveFloor(engine, hub, now_us, publish=link.publish, is_following=lambda: link.following)
        hub.floor = floor
        work: list[Callable[[], None]] = [
            lambda: link.run(stop, floor.on_message, floor.on_following),
            lambda: floor.run(stop),
            lambda: floor.writer.run(stop),
        ]
        threads = [threading.Thread(target=one, daemon=True) for one in work]
        for thread in threads:
            thread.start()
        while not link.following:
            time.sleep(0.01)
        player = multiprocessing.get_context("spawn").Process(target=play, args=(port, machines, seconds))
        cpu_s, began = time.process_time(), time.monotonic()
        player.start()
        player.join()
        cpu_s, took_s = time.process_time() - cpu_s, time.monotonic() - began
        stop.set()
        link.close()
        broker.stop()
        engine.dispose()
    told = np.array(list(hub.latencies_ms.values()))
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"{machines} machines, {took_s:.0f} s: {100 * cpu_s / took_s:.1f} % of a core, {len(told)} alerts")
    if len(told):
        p50, p99 = np.percentile(told, [50, 99])
        print(f"frame complete to alert on the hub: p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {told.max():.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, float(sys.argv[2]) if len(sys.argv) > 2 else 40.0)
