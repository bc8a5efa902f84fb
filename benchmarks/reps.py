"""How fast reps are found and measured, in bulk and live. Run: make bench-reps [ARGS="--samples 3000000"]

Bulk, from arrays to arrays in one thread: reps, sets, bottoms, loads and work (`find_in_bulk`), then every figure of
every rep (`measure_in_bulk`). Beside it, in turn on the same arrays: the same figures with scipy (4th-order zero-lag
Butterworth, find_peaks) and pandas, vectorised; and find_peaks alone, which gives bottoms and nothing else. The figures
of both are compared before anything is timed. Times are CPU seconds, which other work on the machine lengthens least.
Live: frames of 50 samples through a tracker, Python included, by the clock.
"""

import argparse
import os
import platform
import sys
import textwrap
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numba
import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from scipy.signal import butter, find_peaks, sosfiltfilt

from sledwatch.machine import MachineSpec, coasting_m_s2, force_n
from sledwatch.reps import DEFAULTS, RepTracker, find_in_bulk, measure_in_bulk, warm_up

RATE_HZ = 50
RATES_HZ = (10, 20, 50, 100, 200, 500, 1_000)
SPEC = MachineSpec("incline", 45.0, 30.0, 620.0, RATE_HZ)

Columns = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


def pressing(samples: int, rate_hz: int = RATE_HZ, noise_mm: float = 0.3) -> Columns:
    """Sets of ten reps of 400 mm with a minute and a half between them; with noise there are steps of 0.5 mm too."""
    share = np.linspace(0, 1, 2 * rate_hz, endpoint=False)
    down = 400 * (10 * share**3 - 15 * share**4 + 6 * share**5)
    pause, top = np.full(round(0.3 * rate_hz), 400.0), np.zeros(round(0.6 * rate_hz))
    rep = np.concatenate([down, pause, 400 - down[::2], top])
    one_set = np.concatenate([*[rep] * 10, np.zeros(90 * rate_hz)])
    depth_mm = np.resize(one_set, samples)
    if noise_mm:
        depth_mm = np.round((depth_mm + np.random.default_rng(1).normal(0, noise_mm, samples)) * 2) / 2
    t_us = np.arange(samples, dtype=np.int64) * (1_000_000 // rate_hz)
    return t_us, depth_mm, np.full(samples, 100.0)


def ours(columns: Columns) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Every figure of every rep."""
    found = find_in_bulk(*columns, specs=SPEC)
    return found, measure_in_bulk(*columns, found, SPEC)


def peer(columns: Columns) -> pd.DataFrame:
    """The same figures by scipy and pandas: whole arrays filtered once, then only arithmetic on columns.

    It may take for granted what our kernel checks: an even clock, no missing samples, no spikes, no stalls in a phase.
    """
    t_us, depth_mm, load_kg = columns
    dt_s = float(t_us[1] - t_us[0]) * 1e-6
    x = sosfiltfilt(butter(2, DEFAULTS.cutoff_hz, fs=1 / dt_s, output="sos"), depth_mm)
    v = np.zeros_like(x)  # mm/s, towards the user; of 4th order, as ours
    v[2:-2] = (8 * (x[3:-1] - x[1:-3]) - (x[4:] - x[:-4])) / (12 * dt_s)
    turns, _ = find_peaks(x, prominence=DEFAULTS.min_travel_mm)

    # Outwards from each bottom: the phase that ends or begins nearest to it, and where that one begins or ends.
    slow = 1e3 * DEFAULTS.speed_m_s
    lowering, pushing = np.flatnonzero(v > slow), np.flatnonzero(v < -slow)
    not_lowering, not_pushing = np.flatnonzero(v <= slow), np.flatnonzero(v >= -slow)
    down = lowering[np.searchsorted(lowering, turns) - 1]
    start = not_lowering[np.searchsorted(not_lowering, down) - 1]
    up = pushing[np.searchsorted(pushing, turns)]
    end = not_pushing[np.searchsorted(not_pushing, up)]
    begins, ends = crossing(v, slow, start, start + 1), crossing(v, slow, down + 1, down)
    lifts, arrives = crossing(v, -slow, up - 1, up), crossing(v, -slow, end, end - 1)
    top_mm = at(x, arrives)
    reps = pd.DataFrame({
        "start_us": t_us[0] + begins * dt_s * 1e6, "turn_us": t_us[turns], "end_us": t_us[0] + arrives * dt_s * 1e6,
        "bottom_mm": x[turns], "end_mm": x[end], "load_kg": load_kg[turns],
        "eccentric_s": (ends - begins) * dt_s, "concentric_s": (arrives - lifts) * dt_s,
        "bottom_dwell_s": np.maximum(0.0, lifts - ends) * dt_s, "rom_mm": x[turns] - top_mm,
    })  # fmt: skip
    rested = (reps.start_us - reps.end_us.shift()) > DEFAULTS.set_rest_s * 1e6
    reps["set"] = (rested | (reps.load_kg.diff().abs() >= DEFAULTS.load_step_kg)).cumsum() + 1

    travel_m = (at(x, lifts) - top_mm) * 1e-3
    reps["mean_velocity_m_s"] = travel_m / reps.concentric_s
    concentric = within(up, end, {"v": v, "x": x})
    by_rep = concentric.groupby("rep")
    fastest = by_rep.v.idxmin()
    reps["peak_velocity_m_s"] = -concentric.v.to_numpy()[fastest] * 1e-3
    a = np.gradient(v, dt_s)
    let_fly = concentric[-a[concentric["at"]] * 1e-3 < coasting_m_s2(SPEC)]
    let_fly = let_fly[let_fly["at"] >= concentric["at"].to_numpy()[fastest][let_fly.rep]]
    pushed = let_fly.groupby("rep")["at"].min().reindex(reps.index, fill_value=0).to_numpy(dtype=np.int64)
    pushed = np.where(pushed > 0, np.maximum(pushed, lifts + 1), arrives)
    reps["propulsive_s"] = (pushed - lifts) * dt_s
    reps["mean_propulsive_velocity_m_s"] = (at(x, lifts) - at(x, pushed)) * 1e-3 / reps.propulsive_s
    weight_n = force_n(SPEC, 1.0) * reps.load_kg
    reps["work_j"] = weight_n * travel_m + 0.5 * reps.load_kg * (at(v, arrives) ** 2 - at(v, lifts) ** 2) * 1e-6
    best = reps.groupby("set").mean_velocity_m_s.cummax()
    reps["velocity_loss_pct"] = 100 * (best - reps.mean_velocity_m_s) / best

    eccentric = within(start, down + 2, {"v": v, "a": a})
    top_speed = eccentric.groupby("rep").v.idxmax()
    reps["eccentric_peak_velocity_m_s"] = eccentric.v.to_numpy()[top_speed] * 1e-3
    braking = eccentric[eccentric.index >= top_speed.to_numpy()[eccentric.rep]]
    reps["turn_deceleration_m_s2"] = -braking.groupby("rep").a.min() * 1e-3
    by_set = reps.groupby("set").end_mm
    smallest = by_set.transform(lambda ends: ends.iloc[:-1].min())
    lock = np.fmin(smallest.to_numpy(), reps.end_mm.to_numpy()) + 20
    locked = concentric[concentric.x <= lock[concentric.rep]]
    first = locked.groupby("rep")["at"].min().reindex(reps.index, fill_value=1).to_numpy(dtype=np.int64)
    there = -v[first - 1] + (lock - x[first - 1]) / (x[first] - x[first - 1]) * (v[first - 1] - v[first])
    reps["lockout_velocity_m_s"] = np.maximum(-locked.groupby("rep").v.min().reindex(reps.index), there) * 1e-3
    return reps


def crossing(
    values: NDArray[np.float64], level: float, outside: NDArray[np.int64], inside: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Where between neighbouring indices the values cross a level."""
    share = (level - values[outside]) / (values[inside] - values[outside])
    where: NDArray[np.float64] = outside.astype(np.float64) + share * (inside - outside)
    return where


def at(values: NDArray[np.float64], index: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values between two samples."""
    before = index.astype(np.int64)
    between: NDArray[np.float64] = values[before] + (index - before) * (values[before + 1] - values[before])
    return between


def within(first: NDArray[np.int64], last: NDArray[np.int64], columns: dict[str, NDArray[np.float64]]) -> pd.DataFrame:
    """The samples of every phase, both ends included, below each other: rep, index (at), and columns."""
    lengths = last - first + 1
    rep = np.repeat(np.arange(len(first)), lengths)
    at = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(first, lengths)
    return pd.DataFrame({"rep": rep, "at": at, **{name: column[at] for name, column in columns.items()}})


def compare(noise_mm: float) -> None:
    """How far the peer's figures are from ours, in the mean over the reps, and that both found the same."""
    columns = pressing(200_000, noise_mm=noise_mm)
    found, measured = ours(columns)
    theirs = peer(columns)
    if len(found) != len(theirs):
        sys.exit(f"{len(found)} reps of ours, {len(theirs)} of the peer: there is nothing to compare")
    parts = [f"bottom_mm {np.mean(abs(theirs.bottom_mm.to_numpy() - found['bottom_mm'])):.2f} mm"]
    for name in measured.dtype.names or ():
        if name.endswith("_us"):
            continue
        figures = measured[name]
        apart = np.nanmean(np.abs(theirs[name].to_numpy() - figures))
        share = "points" if name.endswith("_pct") else "%"
        parts.append(f"{name} {apart if share == 'points' else 100 * apart / np.nanmean(np.abs(figures)):.2f} {share}")
    print(f"noise {noise_mm} mm: both find {len(found)} reps; the peer's figures differ from ours in the mean by")
    print(textwrap.fill(", ".join(parts), 118, initial_indent="  ", subsequent_indent="  "))
    apart = 100 * np.mean(abs(found["work_j"] / measured["work_j"] - 1))
    print(f"  work of find_in_bulk from that by the velocity rule: {apart:.2f} %")


def seconds(work: Callable[[], object]) -> float:
    """The CPU it takes; all here runs in one thread, so that on an idle machine it is what the clock says."""
    start = time.process_time()
    work()
    return time.process_time() - start


def bulk(columns: Columns, rounds: int) -> None:
    """Samples a second, each way in turn."""
    depth_mm = columns[1]
    found = find_in_bulk(*columns, specs=SPEC)
    ways: dict[str, Callable[[], object]] = {
        "reps, bottoms, work": lambda: find_in_bulk(*columns, specs=SPEC),
        "measure them": lambda: measure_in_bulk(*columns, found, SPEC),
        "all figures": lambda: ours(columns),
        "peer: all figures": lambda: peer(columns),
        "find_peaks alone": lambda: find_peaks(depth_mm, prominence=DEFAULTS.min_travel_mm),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(seconds(way))
    print(f"{len(depth_mm):,} samples of {RATE_HZ} Hz, {rounds} rounds in turn")
    print("million samples / CPU-s     min   median      max")
    for name, times in taken.items():
        rates = sorted(len(depth_mm) / one / 1e6 for one in times)
        print(f"{name:20} {rates[0]:9.1f}{median(rates):9.1f}{rates[-1]:9.1f}")
    for first, second in (("all figures", "peer: all figures"), ("reps, bottoms, work", "find_peaks alone")):
        faster = [slow / fast for fast, slow in zip(taken[first], taken[second], strict=True)]
        print(f"{first} / {second}: {median(faster):.1f} (rounds {min(faster):.1f} to {max(faster):.1f})")


def by_rate(seconds_of_data: int, rounds: int) -> None:
    """Samples a second, by how fast the machine samples, and of sensors that are not as they should be."""
    print("million samples / CPU-s  reps, bottoms, work      all figures     (medians, best in brackets)")
    for rate_hz in RATES_HZ:
        show_rate(f"{rate_hz} Hz", pressing(seconds_of_data * rate_hz, rate_hz), rounds)
    t_us, depth_mm, load_kg = pressing(seconds_of_data * RATE_HZ)
    draw = np.random.default_rng(2)
    missing = np.where(draw.random(len(t_us)) < 0.05, np.nan, depth_mm)
    show_rate("50 Hz, 5 % missing", (t_us, missing, load_kg), rounds)
    uneven_us = t_us + draw.integers(-6_000, 6_000, len(t_us))
    show_rate("50 Hz, uneven", (uneven_us, depth_mm, load_kg), rounds)


def show_rate(name: str, columns: Columns, rounds: int) -> None:
    """A line of the table."""
    cells = []
    for way in (partial(find_in_bulk, *columns, specs=SPEC), partial(ours, columns)):
        rates = [len(columns[0]) / seconds(way) / 1e6 for _ in range(rounds)]
        cells.append(f"{median(rates):9.1f} ({max(rates):.1f})")
    print(f"{name:20} {cells[0]:>20} {cells[1]:>20}")


def one_session(columns: Columns) -> None:
    """Twenty minutes, as closing analysis takes them."""
    session: Any = tuple(column[: 20 * 60 * RATE_HZ] for column in columns)
    times = [seconds(lambda: ours(session)) * 1e3 for _ in range(30)]
    print(f"a session of 20 minutes, all figures: median {median(times):.2f} ms, max {max(times):.2f} ms")


def live(columns: Columns) -> None:
    """Microseconds a frame of 50 samples."""
    tracker = RepTracker()
    frames = [tuple(column[begin : begin + 50] for column in columns) for begin in range(0, 500_000, 50)]
    times = np.empty(len(frames))
    for i, frame in enumerate(frames):
        start = time.perf_counter()
        tracker.push(*frame)
        times[i] = (time.perf_counter() - start) * 1e6
    print(f"a live frame of 50 samples: median {np.median(times):.1f} µs, p99 {np.percentile(times, 99):.1f} µs")


def main() -> None:
    """Measure everything, and say on what."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--samples", type=int, default=3_000_000, help="length of the bulk array (3000000)")
    arguments.add_argument("--rounds", type=int, default=9, help="how often each way is taken (9)")
    asked = arguments.parse_args()
    columns = pressing(max(500_000, asked.samples))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__},"
        f" numba {numba.__version__}, scipy {scipy.__version__}, pandas {pd.__version__}; {' '.join(sys.argv)};"
        f" load average before: {os.getloadavg()[0]:.1f}"
    )
    print(f"loading the kernel (compiling it where none is kept): {seconds(warm_up):.2f} s")
    for noise_mm in (0.0, 0.3):
        compare(noise_mm)
    bulk(columns, asked.rounds)
    by_rate(2_000, asked.rounds)
    one_session(columns)
    live(columns)


if __name__ == "__main__":
    main()
