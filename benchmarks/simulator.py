"""How much of a core the simulator takes for a large floor, live: every machine sends a frame of 50 samples a second.

Run: python benchmarks/simulator.py [--machines 2000] [--seconds 12] [--behind 100] [--rows mosquitto,embedded,…]

Somebody is at each machine all the time. What is measured is the whole of it, in one process and one thread: people
press, sensors read, frames are numbered, kept, sent and acknowledged, watermarks come back. `sledwatch ingest` stores
into SQLite beside it. CPU is what the kernel charged each process while they pressed, as a share of one core; for the
simulator also in µs a frame, which other work on the machine changes least.

    mosquitto, embedded                 a connection of its own for each machine
    mosquitto-gateway, embedded-gateway so many machines (--behind) share a connection

Connected is how long it took until the last machine was. All stored is how long after the last frame every machine knew
that all it sent is stored. Late is how long after its last sample a frame was handed to the network: it tells whether
the process keeps up, and how much else the machine has to do.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingesting.consumers import Ledger, sledwatch_ingest
from ingesting.servers import Broker, GaveUp, cpu_s, free_port, mosquitto, rss_mb
from sledwatch.address import BrokerAddress
from sledwatch_app.broker import EmbeddedBroker
from sledwatch_sim.equipment.models import INCLINE, SEATED, SUPINE
from sledwatch_sim.equipment.sensors import Sensor, SensorAtWork
from sledwatch_sim.pace import RealTime
from sledwatch_sim.people import lifter
from sledwatch_sim.visits import Station, Visit
from sledwatch_sim.wire.connection import Gateway, OwnConnection
from sledwatch_sim.wire.descriptors import TooManyConnections, allow_connections
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Network

ROWS: Final = ("mosquitto", "embedded", "mosquitto-gateway", "embedded-gateway")
MODELS: Final = (INCLINE, SEATED, SUPINE)
CONNECT_S: Final = 60.0
# From the last arrival to the steady state: first frames, first watermarks.
SETTLE_S: Final = 5.0
STORE_S: Final = 60.0
PEOPLE: Final = 50


def wall_clock_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1_000


class Timed(Device):
    """A device that notes how late its frames come."""

    late_ms: list[float]

    def frame(self, t_us: int, dt_us: int, depth_mm: Any, load_kg: Any) -> None:
        self.late_ms.append((wall_clock_us() - t_us - dt_us * len(depth_mm)) / 1e3)
        super().frame(t_us, dt_us, depth_mm, load_kg)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row: shares of one core, the simulator's memory in MB, and how late frames were in ms."""

    connected_s: float
    frames: int
    seconds: float
    simulator: float
    ingest: float
    broker: float
    rss_mb: float
    late_ms: tuple[float, float]
    stored_s: float
    lost: int

    @property
    def us_each(self) -> float:
        """CPU of the simulator for a frame, from the press to the watermark, in µs."""
        return self.simulator * self.seconds / self.frames * 1e6


@contextmanager
def running_broker(row: str, place: Path) -> Iterator[Broker]:
    """The broker of a row."""
    if row.startswith("mosquitto"):
        program = shutil.which("mosquitto")
        if program is None:
            raise GaveUp("mosquitto is not on PATH")
        with mosquitto(program, place) as broker:
            yield broker
        return
    port = free_port()
    with EmbeddedBroker(place, port) as embedded:
        yield Broker(port, embedded.pid or 0)


def measure(row: str, machines: int, seconds: float, behind: int) -> Outcome:
    """Run a floor for some seconds."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(running_broker(row, place))
        ingest_pid = stack.enter_context(sledwatch_ingest(place, broker.url))
        with closing(Ledger(place)) as ledger:
            ledger.wait_for_subscription(ingest_pid)
        network = stack.enter_context(Network())
        stations = floor(network, broker.url, machines, behind if row.endswith("gateway") else 0)
        Timed.late_ms = []
        begun_s = network.clock()
        for station in stations:
            station.device.switch_on()
        network.run(lambda: all(one.device.connected for one in stations) or network.clock() > begun_s + CONNECT_S)
        connected_s = network.clock() - begun_s
        if not all(one.device.connected for one in stations):
            some = sum(one.device.connected for one in stations)
            why = next((one.device.last_error for one in stations if one.device.last_error), None)
            raise GaveUp(f"{some} of {machines} machines connected in {CONNECT_S:g} s ({why})")
        arrive(stations)
        run_for(network, SETTLE_S)
        Timed.late_ms.clear()
        frames, watched = sum(one.frames for one in stations), (os.getpid(), ingest_pid, broker.pid)
        before, cpu_before, begun_s = [cpu_s(pid) for pid in watched], time.process_time(), network.clock()
        run_for(network, seconds)
        lasted_s = network.clock() - begun_s
        cpu = time.process_time() - cpu_before
        _, ingest_s, broker_s = (cpu_s(pid) - was for pid, was in zip(watched, before, strict=True))
        p50, p99 = np.percentile(Timed.late_ms, [50, 99])
        pressed = sum(one.frames for one in stations) - frames
        begun_s = network.clock()
        for station in stations:
            station.close()
        network.run(lambda: not unstored(stations) or network.clock() > begun_s + STORE_S)
        stored_s = network.clock() - begun_s
        return Outcome(
            connected_s=connected_s,
            frames=pressed,
            seconds=lasted_s,
            simulator=cpu / lasted_s,
            ingest=ingest_s / lasted_s,
            broker=broker_s / lasted_s,
            rss_mb=rss_mb(os.getpid()),
            late_ms=(float(p50), float(p99)),
            stored_s=float("nan") if unstored(stations) else stored_s,
            lost=sum(one.device.lost for one in stations),
        )


def floor(network: Network, url: str, machines: int, behind: int) -> list[Station]:
    """Machines of three models. behind: how many share a connection; 0: none do."""
    address, pace, now_us = BrokerAddress.parse(url), RealTime(wall_clock_us), wall_clock_us()
    gateways = [
        Gateway(network, address, f"gateway-{number}") for number in range(-(-machines // behind) if behind else 0)
    ]
    allow_connections(len(gateways) or machines)
    stations: list[Station] = []
    for number in range(machines):
        press, name = MODELS[number % len(MODELS)], f"press-{number}"
        carrier = gateways[number // behind] if behind else OwnConnection(network, address)
        boot = f"boot-{now_us}-{number}"
        device = Timed(network, carrier, f"gym-{number // 20}", name, press.online, boot)
        sensor = SensorAtWork(Sensor(), (1, number), now_us)
        stations.append(
            Station(network, device, press, pace, lambda *_: None, sensor, now_us, lambda at_us: f"boot-{at_us}")
        )
    return stations


def arrive(stations: list[Station]) -> None:
    """Somebody comes to each machine, spread over a second; they stay for minutes."""
    people = [lifter(1, number, f"member-{number}") for number in range(PEOPLE)]
    now_us = wall_clock_us()
    for number, station in enumerate(stations):
        person = people[number % PEOPLE]
        start_us = now_us + number * 1_000_000 // len(stations)
        plan = tuple(person.plan(station.press, person.rng(start_us)))
        session = f"session-{now_us}-{number}"
        station.expect(Visit(person, session, start_us, plan, limit_mm=None, past=None))


def unstored(stations: list[Station]) -> int:
    """How many messages the machines keep because nobody said that they are stored."""
    return sum(station.device.unstored for station in stations)


def run_for(network: Network, seconds: float) -> None:
    """Serve the floor for a time."""
    until_s = network.clock() + seconds
    network.run(lambda: network.clock() > until_s)


def main() -> None:
    """Measure each row and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--behind", type=int, default=100)
    parser.add_argument("--rows", default=",".join(ROWS))
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {' '.join(sys.argv)}")
    print(f"paho-mqtt {version('paho-mqtt')}, iotcore {version('iotcore')}; load average {os.getloadavg()[0]:.1f}")
    print(
        f"{options.machines} machines, each in use, a frame of 50 samples a second each; {options.behind} at a gateway"
    )
    print("                   connected              CPU     share of one core           RSS   late, ms     all   lost")
    print("                        in s  frames/s  µs each  simulator  ingest  broker     MB   p50   p99  stored, s")
    try:
        # The brokers inherit it: Mosquitto has an open file a connection too.
        allow_connections(options.machines)
        for row in options.rows.split(","):
            one = measure(row, options.machines, options.seconds, options.behind)
            print(
                f"{row:18}  {one.connected_s:8.1f}  {one.frames / one.seconds:8,.0f}  {one.us_each:7.0f}"
                f"  {one.simulator:9.2f}  {one.ingest:6.2f}  {one.broker:6.2f}  {one.rss_mb:5.0f}"
                f"  {one.late_ms[0]:4.0f}  {one.late_ms[1]:4.0f}  {one.stored_s:6.1f}  {one.lost:5}"
            )
    except (GaveUp, TooManyConnections) as error:
        sys.exit(f"simulator.py: {error}")


if __name__ == "__main__":
    main()
