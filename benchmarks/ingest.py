"""What ingest stores in a second, what that costs, and how it compares with Telegraf in the same run.

Run: python benchmarks/ingest.py [--frames 20000] [--machines 50] [--rounds 3] [--rows sqlite,influx,…]
     [--peer telegraf=/path/to/telegraf]

Frames hold 50 samples of depth with one decimal, and are QoS 1. The rows, one after the other:

    null, sqlite, influx    Mosquitto holds all frames for a client that is away; the client comes back and takes them.
                            It is `sledwatch ingest`; `null` is the same with a series store that keeps nothing
    direct                  what `influx` writes, made beforehand, at two connections: the store's own limit
    telegraf-frames, -lines (with --peer) Telegraf at the same broker and store, into the same points: from our frames,
                            and from ready-made line protocol, a message a frame, which is the easiest for it
    live                    `sledwatch ingest` into SQLite behind the embedded broker, and beside it a publisher that
                            keeps a little ahead of it
    lag                     a frame a second and machine: from its publication to its entry in the ledger, which comes
                            after the store and before the acknowledgement
    outage                  InfluxDB stops, the queue fills, InfluxDB comes back
    read                    a session of an hour, 180 000 samples, read back

The consumers are up and wait for a broker that is halted when their CPU is read and the clock is started. It ends with
the last frame in the ledger, for Telegraf with the last point in InfluxDB. CPU is what the kernel charged each process.
What is stored is counted afterwards. Rows whose programs are not here are left out, and named.
"""

import argparse
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingesting import telegraf
from ingesting.consumers import INGEST, Ledger, Session, null_ingest, sledwatch_ingest, wait_for
from ingesting.consumers import telegraf as telegraf_process
from ingesting.floor import SAMPLES, Floor, Publisher, largest, packets
from ingesting.servers import Broker, GaveUp, Influx, cpu_s, free_port, influx_settings, mosquitto, rss_mb, wait_until
from sledwatch_app.broker import BrokerNotReady, EmbeddedBroker
from sledwatch_storage.series.line_protocol import lines_of
from sledwatch_storage.series.port import SeriesStore
from sledwatch_storage.series.sqlite import SqliteSeries

# What is compared stands side by side: a shared machine may have other work a minute later.
IN_TURN: Final = ("null", "sqlite", "direct", "influx", "telegraf-frames", "telegraf-lines")
ONCE: Final = ("live", "lag", "outage", "read")
NEEDS: Final = {
    "influx": ("mosquitto", "influxd"),
    "sqlite": ("mosquitto",),
    "null": ("mosquitto",),
    "direct": ("influxd",),
    "telegraf-frames": ("mosquitto", "influxd", "telegraf"),
    "telegraf-lines": ("mosquitto", "influxd", "telegraf"),
    "outage": ("mosquitto", "influxd"),
}
HOW: Final = {"telegraf": "--peer telegraf=PATH"}
# A direct write is as large as those of InfluxSeries.
BODY_BYTES: Final = 1024 * 1024
LONGEST_S: Final = 60.0
# A peer that has added nothing for so long will add nothing more.
STILL_S: Final = 5.0
LIVE_S: Final = 8.0
# Far less than what the embedded broker holds before it lets go of the oldest.
LIVE_AHEAD: Final = 2_000
# Frames a second that are made beforehand; none comes near it.
LIVE_FASTEST: Final = 10_000
LAG_S: Final = 10.0
# Longer than it takes to fill the queue, and than the longest wait between two attempts.
OUTAGE_S: Final = 8.0
# 150 MB: more than ingest may ever hold.
LARGEST_FRAMES: Final = 2_500
SESSION_FRAMES: Final = 3_600
BATCH: Final = 300
READINGS: Final = 9


@dataclass(frozen=True, slots=True)
class Outcome:
    """A round of a row: CPU of consumer, store and broker in seconds, the consumer's peak of memory in MB.

    lost: samples that were sent and are not stored. unacknowledged: messages that the broker has kept.
    """

    samples: int
    seconds: float
    consumer_s: float = float("nan")
    store_s: float = float("nan")
    broker_s: float = float("nan")
    rss_mb: float = float("nan")
    lost: int = 0
    unacknowledged: int = 0

    @property
    def rate(self) -> float:
        return self.samples / self.seconds

    @property
    def per_cpu_s(self) -> float:
        return self.samples / self.consumer_s


@dataclass(slots=True)
class Bench:
    """What is here to measure with, and what came of it. directory: gone at the end."""

    directory: Path
    programs: dict[str, str]
    floor: Floor
    influx: Influx | None
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    _frames: list[bytes] = field(default_factory=list)
    _lines: list[bytes] = field(default_factory=list)
    _bodies: list[bytes] = field(default_factory=list)

    @contextmanager
    def place(self) -> Iterator[Path]:
        """A directory for one row."""
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            yield Path(directory)

    def influx_server(self) -> Influx:
        """The run's InfluxDB, for rows that need one."""
        assert self.influx is not None
        return self.influx

    def frames(self) -> list[bytes]:
        """All packets as machines send them."""
        if not self._frames:
            self._frames = packets(self.floor.publications())
        return self._frames

    def lines(self) -> list[bytes]:
        """The frames as packets of line protocol."""
        if not self._lines:
            self._lines = packets(self.floor.lines())
        return self._lines

    def bodies(self) -> list[bytes]:
        """What InfluxSeries writes, in requests as large as its own."""
        if not self._bodies:
            some: list[bytes] = []
            size = 0
            for stored in self.floor.stored():
                some.append(lines_of(stored))
                size += len(some[-1])
                if size > BODY_BYTES:
                    self._bodies.append(b"\n".join(some))
                    some, size = [], 0
            if some:
                self._bodies.append(b"\n".join(some))
        return self._bodies


# Rows in turn: draining a preloaded broker, and writing with none.


def drain(
    bench: Bench,
    broker: Broker,
    consumer: AbstractContextManager[int],
    store_pid: int | None,
    until: Callable[[int], float],
) -> Outcome:
    """Start a consumer before a halted broker, let the broker go on, and wait until all is stored.

    until: waits for that, given the consumer's process id, and returns when it was (perf_counter).
    """
    broker.halt()
    with consumer as pid:
        wait_for(pid, broker.port)
        watched = [pid, pid if store_pid is None else store_pid, broker.pid]
        before = [cpu_s(one) for one in watched]
        begun_s = time.perf_counter()
        broker.resume()
        ended_s = until(pid)
        # The last acknowledgements are on their way.
        time.sleep(0.2)
        used = [cpu_s(one) - was for one, was in zip(watched, before, strict=True)]
        store_s = float("nan") if store_pid is None else used[1]
        return Outcome(bench.floor.samples, ended_s - begun_s, used[0], store_s, used[2], rss_mb(pid))


def preload(broker: Broker, session: Session, made: Sequence[bytes]) -> None:
    """Fill the broker's queue for a consumer that is away."""
    session.remember(broker.port)
    with Publisher(broker.port) as publisher:
        publisher.send(made)
        publisher.finish()


def until_recorded(directory: Path, numbers: int) -> Callable[[int], float]:
    """Wait for the ledger of a directory to hold so many numbers."""

    def wait(pid: int) -> float:
        with closing(Ledger(directory)) as ledger:
            ledger.wait_for(numbers, pid)
        return time.perf_counter()

    return wait


def until_taken(influx: Influx, points: int) -> Callable[[int], float]:
    """Wait for InfluxDB to have taken so many points more, or no more of them for some seconds."""
    before = influx.points_taken()

    def wait(_pid: int) -> float:
        taken, since_s = before, time.perf_counter()
        while taken - before < points and time.perf_counter() - since_s < STILL_S:
            time.sleep(0.1)
            now = influx.points_taken()
            if now != taken:
                taken, since_s = now, time.perf_counter()
        return since_s

    return wait


def ingest_row(bench: Bench, row: str) -> Outcome:
    """A round of `null`, `sqlite` or `influx`."""
    with bench.place() as place, mosquitto(bench.programs["mosquitto"], place) as broker, ExitStack() as stack:
        preload(broker, INGEST, bench.frames())
        recorded = until_recorded(place, bench.floor.numbers)
        stored = bench.floor.frames
        if row == "influx":
            influx = bench.influx_server()
            bucket = stack.enter_context(influx.bucket())
            consumer = sledwatch_ingest(place, broker.url, influx.settings(bucket))
            outcome = drain(bench, broker, consumer, influx.pid, recorded)
            stored = min(influx.count(bucket, "sample", "depth_mm") // SAMPLES, influx.count(bucket, "frame", "seq"))
        elif row == "sqlite":
            outcome = drain(bench, broker, sledwatch_ingest(place, broker.url), None, recorded)
            with closing(sqlite3.connect(place / "series.db")) as series:
                (stored,) = series.execute("SELECT count(*) FROM frame").fetchone()
        else:
            outcome = drain(bench, broker, null_ingest(place, broker.url), None, recorded)
        lost = bench.floor.samples - stored * SAMPLES
        return replace(outcome, lost=lost, unacknowledged=INGEST.left_behind(broker.port))


def telegraf_row(bench: Bench, form: telegraf.Form) -> Outcome:
    """A round of Telegraf."""
    session = telegraf.session(form)
    influx = bench.influx_server()
    with (
        bench.place() as place,
        mosquitto(bench.programs["mosquitto"], place) as broker,
        influx.bucket() as bucket,
    ):
        preload(broker, session, bench.frames() if form == "frames" else bench.lines())
        configuration = telegraf.configure(form, place, broker.port, influx, bucket)
        taken = until_taken(influx, bench.floor.samples + bench.floor.frames)
        consumer = telegraf_process(bench.programs["telegraf"], configuration)
        outcome = drain(bench, broker, consumer, influx.pid, taken)
        lost = bench.floor.samples - influx.count(bucket, "sample", "depth_mm")
        return replace(outcome, lost=lost, unacknowledged=session.left_behind(broker.port))


def direct_row(bench: Bench) -> Outcome:
    """A round of writing at two connections."""
    influx = bench.influx_server()
    bodies = bench.bodies()
    with influx.bucket() as bucket, ThreadPoolExecutor(2) as threads:
        before = cpu_s(influx.pid)
        begun_s = time.perf_counter()
        for work in [threads.submit(write_all, influx.writer(bucket), bodies[part::2]) for part in range(2)]:
            work.result()
        seconds = time.perf_counter() - begun_s
        used = cpu_s(influx.pid) - before
        lost = bench.floor.samples - influx.count(bucket, "sample", "depth_mm")
        return Outcome(bench.floor.samples, seconds, store_s=used, lost=lost)


def write_all(write: Callable[[bytes], None], bodies: Sequence[bytes]) -> None:
    """Write bodies, one after the other."""
    for body in bodies:
        write(body)


def measure(bench: Bench, row: str) -> Outcome:
    """A round of a row."""
    if row == "direct":
        return direct_row(bench)
    for form in telegraf.FORMS:
        if row == f"telegraf-{form}":
            return telegraf_row(bench, form)
    return ingest_row(bench, row)


# Rows that are taken once.


def live(bench: Bench) -> None:
    """How much goes through the embedded broker into SQLite."""
    floor = Floor.of(bench.floor.machines, round(LIVE_S * LIVE_FASTEST))
    made = packets(floor.publications())
    port = free_port()
    with bench.place() as place, EmbeddedBroker(place, port) as broker:
        broker_pid = broker.pid or 0
        with (
            sledwatch_ingest(place, broker.url) as pid,
            closing(Ledger(place)) as ledger,
            Publisher(port) as publisher,
        ):
            ledger.wait_for_subscription(pid)
            before = cpu_s(pid), cpu_s(broker_pid), time.process_time()
            begun_s = time.perf_counter()
            sent = recorded = 0
            while sent < len(made) and time.perf_counter() - begun_s < LIVE_S:
                some = made[sent : sent + LIVE_AHEAD - (sent - recorded)]
                publisher.send(some)
                sent += len(some)
                if not some:
                    time.sleep(0.005)
                if ledger.changed():
                    recorded = ledger.numbers()
            publisher.finish()
            ledger.wait_for(sent - floor.machines, pid)
            seconds = time.perf_counter() - begun_s
            used = [
                after - was
                for after, was in zip((cpu_s(pid), cpu_s(broker_pid), time.process_time()), before, strict=True)
            ]
            samples = (sent - 2 * floor.machines) * SAMPLES
            shares = ", ".join(
                f"{name} {100 * cpu / seconds:.0f} %"
                for name, cpu in zip(("ingest", "broker", "publisher"), used, strict=True)
            )
            print(
                f"live      {samples / seconds:10,.0f} samples/s through the embedded broker into SQLite, for"
                f" {seconds:.1f} s, the publisher never more than {LIVE_AHEAD} frames ahead\n"
                f"          {used[0] / samples * 1e6:.2f} CPU-s of ingest per million samples; of a core: {shares};"
                f" peak RSS {rss_mb(pid):.0f} MB"
            )


def lag(bench: Bench) -> None:
    """How long a frame takes when there is no hurry."""
    print(f"lag       {bench.floor.machines} frames a second, from publication to the ledger, in ms")
    for series, broker in (("influxd", "mosquitto"), ("SQLite", "mosquitto"), ("SQLite", "embedded broker")):
        if all(one in bench.programs for one in (series, broker) if one in {"influxd", "mosquitto"}):
            lags, share = lags_ms(bench, series, broker)
            p50, p99 = np.percentile(lags, [50, 99])
            print(
                f"          {f'{broker}, {series}':24} p50 {p50:4.0f}   p99 {p99:4.0f}   max {lags.max():4.0f}"
                f"   ({len(lags)} frames; ingest takes {share:.1f} % of a core)"
            )


def lags_ms(bench: Bench, series: str, broker: str) -> tuple[NDArray[np.float64], float]:
    """Each frame's time from its publication to the ledger, and the share of a core that ingest took."""
    floor = Floor.of(bench.floor.machines, round(LAG_S) * bench.floor.machines)
    made = packets(floor.publications())
    births, frames = made[: 2 * floor.machines], made[2 * floor.machines :]
    place_of = {floor.name(machine): machine for machine in range(floor.machines)}
    with ExitStack() as stack:
        place = stack.enter_context(bench.place())
        settings: dict[str, str] = {}
        if series == "influxd":
            influx = bench.influx_server()
            settings = influx.settings(stack.enter_context(influx.bucket()))
        if broker == "mosquitto":
            port = stack.enter_context(mosquitto(bench.programs["mosquitto"], place)).port
        else:
            port = free_port()
            stack.enter_context(EmbeddedBroker(place, port))
        pid = stack.enter_context(sledwatch_ingest(place, f"mqtt://127.0.0.1:{port}", settings))
        ledger = stack.enter_context(closing(Ledger(place)))
        publisher = stack.enter_context(Publisher(port))
        ledger.wait_for_subscription(pid)
        publisher.send(births)
        ledger.wait_for(floor.machines, pid)
        published_s, recorded_s = np.zeros(len(frames)), np.zeros(len(frames))
        known = dict.fromkeys(place_of, 0)
        sent = recorded = 0
        used_s, begun_s = cpu_s(pid), time.perf_counter()
        while recorded < len(frames):
            now_s = time.perf_counter()
            if now_s > begun_s + LAG_S + LONGEST_S:
                raise GaveUp(f"{recorded} of {len(frames)} frames were recorded in time")
            if sent < len(frames) and now_s >= begun_s + sent / floor.machines:
                published_s[sent] = now_s
                publisher.send(frames[sent : sent + 1])
                sent += 1
            elif ledger.changed():
                tops = ledger.tops()
                now_s = time.perf_counter()
                for name, top in tops.items():
                    fresh = range(known[name], top)
                    recorded_s[[seq * floor.machines + place_of[name] for seq in fresh]] = now_s
                    recorded += len(fresh)
                    known[name] = top
            else:
                time.sleep(0.0005)
        share = 100 * (cpu_s(pid) - used_s) / (time.perf_counter() - begun_s)
    return (recorded_s - published_s) * 1e3, share


def outage(bench: Bench) -> None:
    """InfluxDB away, and back; and the most that a queue can hold."""
    made = bench.frames()
    births = 2 * bench.floor.machines
    with (
        bench.place() as place,
        mosquitto(bench.programs["mosquitto"], place) as broker,
        Influx(bench.programs["influxd"], place) as influx,
        influx.bucket() as bucket,
        sledwatch_ingest(place, broker.url, influx.settings(bucket)) as pid,
        closing(Ledger(place)) as ledger,
        Publisher(broker.port) as publisher,
    ):
        ledger.wait_for_subscription(pid)
        publisher.send(made[:births])
        ledger.wait_for(bench.floor.machines, pid)
        influx.stop()
        publisher.send(made[births:])
        publisher.finish()
        time.sleep(OUTAGE_S)
        queue, full_mb, before = ledger.said()["queue"], rss_mb(pid), ledger.numbers()
        influx.start()
        back_s = time.perf_counter()
        ledger.wait_for(before + 1, pid)
        resumed_s = time.perf_counter() - back_s
        ledger.wait_for(bench.floor.numbers, pid)
        whole_s = time.perf_counter() - back_s
        print(
            f"outage    InfluxDB away for {OUTAGE_S:.0f} s and {bench.floor.frames} frames: {queue} messages wait in"
            f" ingest's queue, RSS {full_mb:.0f} MB\n"
            f"          after InfluxDB answers again: the first stored in {resumed_s:.1f} s, all in {whole_s:.1f} s"
            f"{at_full_speed(bench)}; peak RSS {rss_mb(pid):.0f} MB"
        )
    with bench.place() as place, mosquitto(bench.programs["mosquitto"], place) as broker:
        made = packets(largest(LARGEST_FRAMES))
        preload(broker, INGEST, made)
        nowhere = influx_settings(f"http://127.0.0.1:{free_port()}", "none", "none", "none")
        with sledwatch_ingest(place, broker.url, nowhere) as pid, closing(Ledger(place)) as ledger:
            wait_until(lambda: "queue" in ledger.said(), "ingest says how it is", LONGEST_S, pid=pid)
            time.sleep(OUTAGE_S)
            print(
                f"          with the largest frames, {len(made[0]) / 1000:.0f} kB each:"
                f" {ledger.said()['queue']} messages wait, peak RSS {rss_mb(pid):.0f} MB"
            )


def at_full_speed(bench: Bench) -> str:
    """How long the backlog would take alone, where that was measured."""
    rates = [outcome.rate for outcome in bench.outcomes.get("influx", [])]
    return f" (the backlog at the speed of `influx`: {bench.floor.samples / median(rates):.1f} s)" if rates else ""


def read(bench: Bench) -> None:
    """A session of an hour, read back as closing reads it."""
    floor = Floor.of(1, SESSION_FRAMES)
    stored = list(floor.stored())
    print(f"read      one session, {floor.samples:,} samples, {READINGS} times: min, median, max in ms")
    with bench.place() as place, ExitStack() as stack:
        stores: dict[str, SeriesStore] = {"SQLite": SqliteSeries(place / "series.db")}
        if bench.influx is not None:
            stores["InfluxDB"] = bench.influx.series(stack.enter_context(bench.influx.bucket()))
        for name, series in stores.items():
            stack.callback(series.close)
            for begin in range(0, len(stored), BATCH):
                series.append(stored[begin : begin + BATCH])
            gym, machine, boot = stored[0].gym, stored[0].machine, stored[0].frame.boot
            times_ms = []
            for _ in range(READINGS):
                begun_s = time.perf_counter()
                frames = series.frames(gym, machine, boot, 0, 2**53)
                times_ms.append((time.perf_counter() - begun_s) * 1e3)
                if frames != stored:
                    raise GaveUp(f"{name} gives back other frames than it was given")
            print(f"          {name:10} {min(times_ms):6.0f} {median(times_ms):6.0f} {max(times_ms):6.0f}")


def report(bench: Bench) -> None:
    """The table of the rows in turn, and how they compare."""
    rows = {row: outcomes for row in IN_TURN if (outcomes := bench.outcomes.get(row))}
    if not rows:
        return
    print(
        f"{'':16}{'samples/s':^32}{'CPU-s per million samples':^32}{'samples per':>13}{'peak':>7}\n"
        f"{'':16}{'min':>10} {'median':>10} {'max':>10} {'consumer':>12} {'store':>9} {'broker':>9}"
        f"{'CPU-second':>13}{'RSS MB':>7}"
    )
    for row, outcomes in rows.items():
        rates = [one.rate for one in outcomes]
        costs = [
            median(getattr(one, name) / one.samples * 1e6 for one in outcomes)
            for name in ("consumer_s", "store_s", "broker_s")
        ]
        per_cpu_s = median(one.per_cpu_s for one in outcomes)
        print(
            f"{row:16}{min(rates):10,.0f} {median(rates):10,.0f} {max(rates):10,.0f}"
            f" {known(costs[0], '12.2f')} {known(costs[1], '9.2f')} {known(costs[2], '9.2f')}"
            f"{known(per_cpu_s, '13,.0f')}{known(max(one.rss_mb for one in outcomes), '7.0f')}"
        )
    for row, outcomes in rows.items():
        for what, counts in (
            ("samples sent and not stored", [one.lost for one in outcomes]),
            ("messages never acknowledged", [one.unacknowledged for one in outcomes]),
        ):
            if any(counts):
                print(f"{row} LOSES: {what}, by round: {', '.join(map(str, counts))}")
    if "direct" in rows and "influx" in rows:
        print(f"influx / direct, samples/s: {ratio(rows['influx'], rows['direct'], lambda one: one.rate)}")
    for form in telegraf.FORMS:
        if "influx" in rows and f"telegraf-{form}" in rows:
            compared = ratio(rows["influx"], rows[f"telegraf-{form}"], lambda one: one.per_cpu_s)
            print(f"influx / telegraf-{form}, samples per CPU-second: {compared}")


def known(value: float, form: str) -> str:
    """A figure, or a dash where there is none."""
    width = form.partition(".")[0].rstrip(",")
    return f"{value:{form}}" if value == value else f"{'–':>{width}}"  # noqa: PLR0124 - nan is not itself


def ratio(ours: Sequence[Outcome], theirs: Sequence[Outcome], of: Callable[[Outcome], float]) -> str:
    """One over the other: the medians', and the range over the rounds."""
    by_round = [of(our) / of(their) for our, their in zip(ours, theirs, strict=False)]
    middle = median(map(of, ours)) / median(map(of, theirs))
    return f"{middle:.2f} (rounds {min(by_round):.2f} to {max(by_round):.2f})"


def arguments() -> argparse.Namespace:
    """What is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000, help="frames of 50 samples in a round of a row (20000)")
    parser.add_argument("--machines", type=int, default=50, help="machines that send them (50)")
    parser.add_argument("--rounds", type=int, default=3, help="how often the rows in turn are taken (3)")
    parser.add_argument("--rows", default="", help=f"some of {','.join((*IN_TURN, *ONCE))}; all where not given")
    parser.add_argument("--peer", action="append", default=[], metavar="telegraf=PATH", help="run Telegraf too")
    options = parser.parse_args()
    options.rows = [row for row in options.rows.split(",") if row] or [*IN_TURN, *ONCE]
    unknown = set(options.rows) - {*IN_TURN, *ONCE}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join((*IN_TURN, *ONCE))}")
    options.peer = dict(peer.partition("=")[::2] for peer in options.peer)
    for name, path in options.peer.items():
        if name != "telegraf" or shutil.which(path) is None:
            parser.error(f"--peer {name}={path}: expected telegraf=PATH of a program that is there")
    return options


def version_of(name: str, path: str) -> str:
    """What a program says of itself, in a line."""
    flag = {"influxd": "version", "mosquitto": "-h"}.get(name, "--version")
    said = subprocess.run([path, flag], capture_output=True, text=True, timeout=20, check=False)
    first = next(iter((said.stdout or said.stderr).strip().splitlines()), name)
    return first.partition(" build_date")[0]


def main() -> None:
    """Run what can be run, and print."""
    options = arguments()
    # Whoever ends us so wants our programs ended too.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _: sys.exit(128 + number))
    programs = {name: path for name in ("mosquitto", "influxd") if (path := shutil.which(name))}
    programs |= {name: path for name, given in options.peer.items() if (path := shutil.which(given))}
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {' '.join(sys.argv)}")
    print(
        ", ".join(
            [f"{name} {version(name)}" for name in ("paho-mqtt", "influxdb-client", "iotcore")]
            + [version_of(name, path) for name, path in programs.items()]
        )
    )
    if "telegraf" in programs and "GOGC" in os.environ:
        print(f"Telegraf has GOGC={os.environ['GOGC']}")
    wanted = []
    for row in options.rows:
        absent = [HOW.get(one, one) for one in NEEDS.get(row, ()) if one not in programs]
        if absent:
            print(f"left out: {row}, which needs {', '.join(absent)}")
        else:
            wanted.append(row)
    floor = Floor.of(options.machines, options.frames)
    print(
        f"{floor.frames} frames of {SAMPLES} samples from {floor.machines} machines, {options.rounds} rounds in turn;"
        f" load average before: {os.getloadavg()[0]:.1f}"
    )
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sledwatch-bench-")))
        bench = Bench(directory, programs, floor, None)
        if "influxd" in programs:
            (directory / "influx").mkdir()
            bench.influx = stack.enter_context(Influx(programs["influxd"], directory / "influx"))
        for number in range(options.rounds):
            for row in (row for row in IN_TURN if row in wanted):
                say(f"round {number + 1}: {row}")
                try:
                    bench.outcomes.setdefault(row, []).append(measure(bench, row))
                except FAILURES as error:
                    print(f"{row}, round {number + 1}, gave up: {error}")
        report(bench)
        for row in (row for row in ONCE if row in wanted):
            say(row)
            try:
                TAKEN_ONCE[row](bench)
            except FAILURES as error:
                print(f"{row} gave up: {error}")


def say(what: str) -> None:
    """What is going on, for whoever waits at a terminal."""
    if sys.stderr.isatty():
        print(f"\x1b[2K{what} …", end="\r", file=sys.stderr, flush=True)


FAILURES: Final = (GaveUp, BrokerNotReady, OSError)
TAKEN_ONCE: Final = {"live": live, "lag": lag, "outage": outage, "read": read}

if __name__ == "__main__":
    main()
