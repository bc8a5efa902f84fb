"""How fast workload is measured and judged. Run: make bench-workload [ARGS="--member-days 1000000"]

Days: every measure of a daily load (the load itself, EWMA, coupled and uncoupled ratio, monotony, strain) from the
sessions of all members. Sessions: every measure of a session (visits, spike against 30 and 90 days, hard, 7 days of
load and hard sets, z against the own weeks) in one scan, which also decides footing, spacing, habit and severity.
Beside both, on the same frames, the same by pandas alone: groupby.apply with plain pandas code for a member. It runs
once, and is timed by quarters of the members. What both give is compared to 1e-9.
Then one session as its closing judges it, from rows to findings, whose history is one year or ten.
Times are CPU seconds, which other work on the machine lengthens least; all here runs in one thread.
"""

import argparse
import os
import platform
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numba
import numpy as np
import pandas as pd

from sledwatch import workload
from sledwatch.findings import workload_findings
from sledwatch.workload import DAY_US, LOOK_BACK_DAYS, MEASURES, Sessions, WorkloadContext

BEGIN_US = 1_735_689_600_000_000  # 1 January 2025, UTC
ZONE = "Europe/Berlin"
YEAR = 365
OF_SESSIONS = ("visit_work_j", "ratio_30d", "ratio_90d", "hard", "week_j", "hard_sets_7d", "baseline_z")


def trained(members: int, days: int = YEAR) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sessions of people who come once to five times a week, some of them in two parts; and days that are missing."""
    draw = np.random.default_rng(1)
    here = draw.random((members, days)) < draw.uniform(1 / 7, 5 / 7, members)[:, None]
    # Everybody from the first day to the last, so that the number of member-days is what was asked for.
    here[:, [0, -1]] = True
    whose, day = np.nonzero(here)
    again = draw.random(len(whose)) < 0.1
    whose, day = np.concatenate([whose, whose[again]]), np.concatenate([day, day[again]])
    start_us = BEGIN_US + day * DAY_US + draw.integers(6 * 3600, 18 * 3600, len(whose)) * 1_000_000
    work_j = 20_000.0 * draw.uniform(0.5, 1.5, members)[whose] * draw.lognormal(0.0, 0.25, len(whose))
    sessions = pd.DataFrame(
        {
            "session": [f"s{number}" for number in range(len(whose))],
            "user": [f"m-{number:06}" for number in whose],
            "time_zone": ZONE,
            "start_us": start_us,
            "end_us": start_us + 1_800_000_000,
            "work_j": work_j,
            "tonnage_kg": work_j / 4.0,
            "top_load_kg": np.round(work_j / 200.0),
            "hard_sets": draw.integers(0, 6, len(whose)),
        }
    )
    lost = draw.random((members, days)) < 0.01
    whose, day = np.nonzero(lost)
    gone = pd.DataFrame(
        {
            "user": [f"m-{number:06}" for number in whose],
            "day": (BEGIN_US // DAY_US + day).astype("datetime64[D]").astype("datetime64[s]"),
        }
    )
    return sessions.sort_values(["user", "start_us"], ignore_index=True), gone


def measured_days(sessions: pd.DataFrame, missing: pd.DataFrame) -> pd.DataFrame:
    """The daily loads of all members, and every measure of them."""
    return workload.daily_measures(workload.daily_load_of_all(sessions, missing))


def measured_sessions(sessions: pd.DataFrame) -> pd.DataFrame:
    """Every measure of every session, as a frame."""
    judged = workload.judge_all(sessions)
    rows, figures = judged.answers, judged.figures
    named = {name: figures[name][rows] for name in ("visit_day", *OF_SESSIONS)}
    return pd.DataFrame({"user": judged.member[rows]} | named)


def peer_days(sessions: pd.DataFrame, missing: pd.DataFrame) -> pd.DataFrame:
    """The daily loads and their measures by pandas alone: what is alike for all at once, the rest member by member."""
    day = local_midnight(sessions["start_us"])
    per_day = sessions["work_j"].groupby([sessions["user"], day.rename("day")]).sum().reset_index("user")
    gone = {user: pd.DatetimeIndex(days) for user, days in missing.groupby("user")["day"]}
    measured = per_day.groupby("user")["work_j"].apply(lambda load: days_of_member(load, gone.get(str(load.name))))
    return measured.reset_index()


def peer_sessions(sessions: pd.DataFrame) -> pd.DataFrame:
    """The measures of sessions by pandas alone. Of several visits on a day all have the day's whole week."""
    with_day = sessions.assign(day=local_midnight(sessions["start_us"]))
    return with_day.groupby("user").apply(sessions_of_member).reset_index("user")


def local_midnight(start_us: pd.Series) -> pd.Series:
    """The local days of times, for all at once."""
    return pd.to_datetime(start_us, unit="us", utc=True).dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()


def days_of_member(load: pd.Series, missing: pd.DatetimeIndex | None) -> pd.DataFrame:
    """Every measure of one member's days, as one would write it with rolling and ewm."""
    load = load.asfreq("D", fill_value=0.0)
    if missing is not None:
        load[load.index.isin(missing)] = np.nan
    gone = load.isna()

    def known(days: int) -> pd.Series:
        return gone.rolling(days, min_periods=1).sum() <= 0.2 * days

    def mean(days: int) -> pd.Series:
        return load.rolling(days, min_periods=1).mean().where(known(days))

    far, week_over = np.arange(len(load)) >= 27, np.arange(len(load)) >= 6
    acute, chronic = (load.ewm(alpha=2 / (days + 1), adjust=False, ignore_na=True).mean() for days in (7, 28))
    week, month, before = mean(7), mean(28).where(far), mean(21).shift(7).where(far)
    last_week = load.rolling(7, min_periods=1)
    monotony = (week / last_week.std()).where(week_over & (last_week.max() > last_week.min()))
    return pd.DataFrame(
        {
            "work_j": load,
            "ewma_ratio": (acute / chronic).where((chronic > 0.01) & known(7) & known(28)),
            "coupled_ratio": week / month.where(month > 0.01),
            "uncoupled_ratio": week / before.where(before > 0.01),
            "monotony": monotony,
            "strain": 7 * week * monotony,
        }
    )


def sessions_of_member(sessions: pd.DataFrame) -> pd.DataFrame:
    """Every measure of one member's visits, as one would write it with rolling, shift and groupby."""
    apart = sessions["start_us"] - sessions["end_us"].cummax().shift() >= workload.VISIT_GAP_US
    visits = sessions.groupby(apart.cumsum()).agg(
        {"start_us": "first", "day": "first", "work_j": "sum", "hard_sets": "sum"}
    )
    work = visits.set_index(pd.to_datetime(visits["start_us"], unit="us"))["work_j"]
    best_30d, best_90d = (work.rolling(span, closed="left").max().to_numpy() for span in ("30D", "90D"))
    per_day = visits.groupby("day")[["work_j", "hard_sets"]].sum().asfreq("D", fill_value=0)
    week = per_day.rolling(7, min_periods=1).sum()
    whole = per_day["work_j"].rolling(7).sum()
    weeks = pd.concat([whole.shift(7 * back) for back in range(1, workload.BASELINE_MOST_WEEKS + 1)], axis=1)
    mean = weeks.mean(axis=1)
    z: pd.Series = (week["work_j"] - mean) / np.maximum(weeks.std(axis=1), 0.1 * mean)
    return pd.DataFrame(
        {
            "visit_day": visits["day"],
            "visit_work_j": visits["work_j"],
            "ratio_30d": visits["work_j"] / best_30d,
            "ratio_90d": visits["work_j"] / best_90d,
            "hard": visits["work_j"] > 0.7 * best_30d,
            "week_j": week["work_j"].reindex(visits["day"]).to_numpy(),
            "hard_sets_7d": week["hard_sets"].reindex(visits["day"]).to_numpy(),
            "baseline_z": z.where(weeks.count(axis=1) >= 8).reindex(visits["day"]).to_numpy(),
        }
    )


def compare(found: pd.DataFrame, theirs: pd.DataFrame, names: Sequence[str]) -> None:
    """Say how far the two are apart, and end where it is more than 1e-9 of a figure."""
    parts = []
    for name in names:
        mine, other = found[name].to_numpy(dtype=np.float64), theirs[name].to_numpy(dtype=np.float64)
        if len(mine) != len(other) or (np.isnan(mine) != np.isnan(other)).any():
            sys.exit(f"{name}: the two have not the same figures: there is nothing to compare")
        apart = float(np.nanmax(np.abs(mine - other) / np.maximum(np.abs(other), 1e-3), initial=0.0))
        parts.append(f"{name} {apart:.0e}")
        if apart > 1e-9:
            sys.exit(f"{name}: {apart:.1e} apart, more than 1e-9")
    print(textwrap.fill(f"the peer's figures differ by no more than: {', '.join(parts)}", 118, subsequent_indent="  "))


def last_of_day(table: pd.DataFrame) -> pd.DataFrame:
    """The last session of a member's day, for which it does not matter that the peer takes days as a whole."""
    return table.drop_duplicates(["user", "visit_day"], keep="last")


def seconds(work: Callable[[], object]) -> float:
    """The CPU it takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def show(name: str, taken: Sequence[float], amounts: Sequence[int], unit: str) -> float:
    """A line of a table: the least, the median and the most; returns the CPU time of all of one."""
    rates = sorted(amount / one for one, amount in zip(taken, amounts, strict=True))
    print(f"{name:28}{rates[0]:12,.0f}{median(rates):12,.0f}{rates[-1]:12,.0f}  {unit} / CPU-s")
    return median(rates)


def by_quarters(
    work: Callable[..., pd.DataFrame], *frames: pd.DataFrame
) -> tuple[pd.DataFrame, list[float], list[pd.DataFrame]]:
    """What the peer gives for all members, how long each quarter of them takes, and what came of it."""
    users = np.array_split(np.array(frames[0]["user"].unique(), dtype=object), 4)
    taken, found = [], []
    for some in users:
        mine = [frame[frame["user"].isin(some)] for frame in frames]
        start = time.process_time()
        found.append(work(*mine))
        taken.append(time.process_time() - start)
    return pd.concat(found, ignore_index=True), taken, found


def bulk(member_days: int, rounds: int) -> None:
    """All measures of all members, against groupby.apply."""
    sessions, missing = trained(max(4, member_days // YEAR))
    days, judged = measured_days(sessions, missing), measured_sessions(sessions)
    print(f"{len(days):,} member-days of {sessions['user'].nunique():,} members, {len(sessions):,} sessions")
    ways: dict[str, Callable[[], object]] = {
        "days": lambda: measured_days(sessions, missing),
        "sessions": lambda: measured_sessions(sessions),
    }
    taken = {name: [seconds(way) for _ in range(rounds)] for name, way in ways.items()}

    of_days, peer_taken, parts = by_quarters(peer_days, sessions, missing)
    compare(days, of_days, ("work_j", *MEASURES))
    print(f"{'':28}{'min':>12}{'median':>12}{'max':>12}")
    show("measures of days", taken["days"], [len(days)] * rounds, "member-days")
    show("  peer: groupby.apply", peer_taken, [len(part) for part in parts], "member-days")
    peer_total = sum(peer_taken)
    print(f"  {sum(peer_taken) / median(taken['days']):.0f} × as fast")

    of_sessions, peer_taken, parts = by_quarters(peer_sessions, sessions)
    mine, theirs = last_of_day(judged), last_of_day(of_sessions)
    # The peer does not know who is a beginner or returning: where there is no baseline for that, it has one.
    theirs = theirs.assign(baseline_z=theirs["baseline_z"].where(mine["baseline_z"].notna().to_numpy()))
    compare(mine, theirs, OF_SESSIONS)
    show("measures of sessions", taken["sessions"], [len(sessions)] * rounds, "sessions")
    show("  peer: groupby.apply", peer_taken, [len(sessions) // 4] * 4, "sessions")
    print(f"  {sum(peer_taken) / median(taken['sessions']):.0f} × as fast")
    peer_total += sum(peer_taken)
    each = [first + second for first, second in zip(taken["days"], taken["sessions"], strict=True)]
    print(
        f"all measures: {median(each):.2f} s of CPU ({min(each):.2f} to {max(each):.2f}), the peer {peer_total:.1f} s: "
        f"{peer_total / median(each):.0f} × as fast ({peer_total / max(each):.0f} to {peer_total / min(each):.0f})"
    )


def one_session(rounds: int) -> None:
    """The last session of a member, as its closing judges it: rows of 53 weeks in, findings out."""
    sessions, _ = trained(40, 10 * YEAR)
    # Rows as a database gives them.
    rows: list[list[Any]] = [
        of_one[list(workload.SESSION_COLUMNS)].astype(object).to_numpy().tolist()
        for _, of_one in sessions.groupby("user")
    ]
    print(f"one session judged, {len(rows)} members in turn, {rounds} rounds, ms of CPU")
    medians = []
    for years in (1, 10):
        histories = [[row for row in of_one if row[1] >= of_one[-1][1] - years * YEAR * DAY_US] for of_one in rows]
        recent = [[row for row in one if row[1] >= one[-1][1] - (LOOK_BACK_DAYS + 1) * DAY_US] for one in histories]
        taken = [1e3 * seconds(partial(judged, read)) for _ in range(rounds) for read in recent]
        medians.append(median(taken))
        kept = f"{years} y of history, {median(map(len, histories)):.0f} sessions, {median(map(len, recent)):.0f} read"
        print(f"  {kept:48} min {min(taken):.2f}, median {medians[-1]:.2f}, max {max(taken):.2f}")
    print(f"  ten years / one: {medians[1] / medians[0]:.2f}")


def judged(rows: list[Any]) -> object:
    """What a closing does with the rows of its member's sessions."""
    context = WorkloadContext(Sessions.of_rows(rows), rows[-1][0], ZONE, frozenset(), "somebody")
    return workload_findings(context)


def main() -> None:
    """Measure everything, and say on what."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--member-days", type=int, default=1_000_000, help="days of members (1000000)")
    arguments.add_argument("--rounds", type=int, default=7, help="how often each way is taken (7)")
    asked = arguments.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__},"
        f" numba {numba.__version__}, pandas {pd.__version__}; {' '.join(sys.argv)};"
        f" load average before: {os.getloadavg()[0]:.1f}"
    )
    print(f"loading the scans (compiling them where none are kept): {seconds(workload.warm_up):.2f} s")
    bulk(asked.member_days, asked.rounds)
    one_session(asked.rounds)


if __name__ == "__main__":
    main()
