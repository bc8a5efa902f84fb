"""Years of data: how fast they are made, and how fast they are loaded into a running system.

Run: python benchmarks/history.py [--members 500] [--days 365] [--import-members 40]

Making is timed by the CPU of one process held on one core, files included: once with every sample of a few members, to
tell samples a second, and once at rep level with sampled traces. Loading is timed by the wall clock, `sledwatch import`
into `sledwatch up --no-simulator` on free ports and an empty directory; then the same again, which changes nothing.
"""

import argparse
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

from sledwatch_sim.history.making import HistoryConfig, Progress, make_history

DAY_US = 86_400_000_000
TOKEN = "benchmark-token-of-its-own"  # noqa: S105 - it guards an empty directory on loopback


def made(out: Path, members: int, days: int, samples: float) -> tuple[Progress, float, float]:
    """Make a history that ended today; returns what is in it, and CPU and wall seconds."""
    start_us = (time.time_ns() // 1_000 // DAY_US - days) * DAY_US
    config = HistoryConfig(out, members, days, start_us, samples=samples, force=True)
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    progress = make_history(config, lambda _: None, threading.Event())
    return progress, time.process_time() - cpu_s, time.perf_counter() - wall_s


def free_port() -> int:
    """A loopback port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ready(url: str) -> bool:
    """Whether the system says that it is."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def loaded(directory: Path, data: Path) -> list[str]:
    """Load a history into an empty system, twice; returns what the command said."""
    http_port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLEDWATCH_")} | {
        "SLEDWATCH_DATA": str(data),
        "SLEDWATCH_HTTP_PORT": str(http_port),
        "SLEDWATCH_MQTT_PORT": str(free_port()),
        "SLEDWATCH_URL": f"http://127.0.0.1:{http_port}",
        "SLEDWATCH_API_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "sledwatch_app"]
    quiet = subprocess.DEVNULL
    up = subprocess.Popen([*command, "up", "--no-simulator"], env=environment, stdout=quiet, stderr=quiet)
    try:
        deadline_s = time.monotonic() + 60
        while not ready(environment["SLEDWATCH_URL"]):
            assert time.monotonic() < deadline_s, "the system is not ready after a minute"
            time.sleep(0.2)
        said = []
        for _ in range(2):
            done = subprocess.run(
                [*command, "import", str(directory)], env=environment, capture_output=True, text=True, check=True
            )
            said.append(done.stdout.strip().partition(": ")[2])
        return said
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(20)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=500)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--import-members", type=int, default=40)
    words = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}, numpy {version('numpy')}, pyarrow {version('pyarrow')}")
    everywhere = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        os.sched_setaffinity(0, {max(everywhere)})
        rates = []
        for _ in range(3):
            progress, cpu_s, _ = made(directory / "samples", 30, 120, 1.0)
            rates.append(progress.samples / cpu_s / 1e6)
        print(f"every sample: {min(rates):.1f} to {max(rates):.1f} million samples a second of CPU, files included")
        progress, cpu_s, wall_s = made(directory / "years", words.members, words.days, 0.01)
        person_days = words.members * words.days
        print(
            f"{words.members} members × {words.days} days: {cpu_s:.1f} s of CPU, {wall_s:.1f} s by the clock; "
            f"{person_days / cpu_s:,.0f} member-days a second; {progress.sessions} sessions, {progress.reps} reps, "
            f"{progress.samples} samples"
        )
        made(directory / "few", words.import_members, words.days, 0.0)
        os.sched_setaffinity(0, everywhere)
        first, again = loaded(directory / "few", directory / "data")
        print(f"import: {first}")
        print(f"the same again: {again}")


if __name__ == "__main__":
    main()
