"""How fast reps are found, in bulk and live. Run: python benchmarks/reps.py [--samples 3000000]

Bulk finds reps, sets, bottoms and loads and measures every rep (filter, phases, velocities, work); scipy's find_peaks
looks for bottoms alone in the same array in the same round, of the raw depth as it comes and after the same Butterworth
filter. Live pushes frames of 50 samples through a tracker and counts what each takes.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numba
import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.signal import butter, find_peaks, sosfiltfilt

from sledwatch.machine import MachineSpec
from sledwatch.reps import RepTracker, find_reps, measure, warm_up

RATE_HZ = 50
ROUNDS = 5
SPEC = MachineSpec("incline", 45.0, 30.0, 620.0, RATE_HZ)

Columns = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


def pressing(samples: int) -> Columns:
    """Sets of ten reps of 400 mm with a minute and a half between them: noise of 0.3 mm, steps of 0.5 mm."""
    share = np.linspace(0, 1, 2 * RATE_HZ, endpoint=False)
    down = 400 * (10 * share**3 - 15 * share**4 + 6 * share**5)
    rep = np.concatenate([down, np.full(15, 400.0), 400 - down[::2], np.zeros(30)])
    one_set = np.concatenate([*[rep] * 10, np.zeros(90 * RATE_HZ)])
    depth_mm = np.resize(one_set, samples) + np.random.default_rng(1).normal(0, 0.3, samples)
    t_us = np.arange(samples, dtype=np.int64) * (1_000_000 // RATE_HZ)
    return t_us, np.round(depth_mm * 2) / 2, np.full(samples, 100.0)


def part(columns: Columns, begin: int, stop: int) -> Columns:
    """A run of the samples."""
    t_us, depth_mm, load_kg = columns
    return t_us[begin:stop], depth_mm[begin:stop], load_kg[begin:stop]


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bulk(columns: Columns) -> None:
    """Samples a second, each way in turn."""
    depth_mm = columns[1]
    sections = butter(2, 10.0, fs=RATE_HZ, output="sos")
    spans = find_reps(*columns)
    ways: dict[str, Callable[[], object]] = {
        "find_reps": lambda: find_reps(*columns),
        "find_reps and measure": lambda: measure(*columns, find_reps(*columns), SPEC),
        "scipy find_peaks, raw": lambda: find_peaks(depth_mm, prominence=100),
        "scipy sosfiltfilt, find_peaks": lambda: find_peaks(sosfiltfilt(sections, depth_mm), prominence=100),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            taken[name].append(seconds(way))
    print(f"{len(depth_mm):,} samples, {len(spans):,} reps; {ROUNDS} rounds in turn: min, median, max")
    for name, times in taken.items():
        rates = sorted(len(depth_mm) / one / 1e6 for one in times)
        print(f"{name:30} {rates[0]:8.1f} {median(rates):8.1f} {rates[-1]:8.1f} million samples/s")


def one_session(columns: Columns) -> None:
    """Twenty minutes, as closing analysis takes them."""
    session = part(columns, 0, 20 * 60 * RATE_HZ)
    times = [seconds(lambda: measure(*session, find_reps(*session), SPEC)) * 1e3 for _ in range(20)]
    print(f"a session of 20 minutes, found and measured: median {median(times):.2f} ms, max {max(times):.2f} ms")


def live(columns: Columns) -> None:
    """Microseconds a frame of 50 samples."""
    tracker = RepTracker()
    frames = [part(columns, begin, begin + 50) for begin in range(0, 500_000, 50)]
    times = np.array([seconds(partial(tracker.push, *frame)) for frame in frames]) * 1e6
    print(f"a live frame of 50 samples: median {np.median(times):.1f} µs, p99 {np.percentile(times, 99):.1f} µs")


def main() -> None:
    """Measure everything, and say on what."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--samples", type=int, default=3_000_000, help="length of the bulk array (3000000)")
    columns = pressing(max(500_000, arguments.parse_args().samples))
    print(
        f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__},"
        f" scipy {scipy.__version__}; {' '.join(sys.argv)}"
    )
    print(f"loading the kernel (compiling it where none is kept): {seconds(warm_up):.2f} s")
    bulk(columns)
    one_session(columns)
    live(columns)


if __name__ == "__main__":
    main()
