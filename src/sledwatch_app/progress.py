"""Progress of long work on standard error, where somebody watches; nothing where nobody does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    import sledwatch_sim as sim
    from sledwatch_analytics.bulk.exporting import ExportProgress
    from sledwatch_analytics.bulk.reanalysing import Report
    from sledwatch_analytics.bulk.running import RunProgress
    from sledwatch_app.importing import ImportProgress
    from sledwatch_app.replay import ReplayProgress
    from sledwatch_sim.history.making import Progress as HistoryProgress


# Columns that hold a bar and all words beside it.
_ROOMY = 120


@contextmanager
def shown_simulation(scenario: str) -> Iterator[Callable[["sim.Progress"], None]]:
    """Show a simulation: its phase, machines connected and in use, what goes by a second, what is not stored yet."""
    brief = Console(stderr=True).width < _ROOMY
    with _bar(scenario, width=0 if brief else 16) as (progress, task):

        def report(now: "sim.Progress") -> None:
            total = None if now.share is None else 1.0
            progress.update(task, total=total, completed=now.share or 0.0, words=standing_of(now, brief=brief))

        yield report


def standing_of(now: "sim.Progress", *, brief: bool = False) -> str:
    """Where a simulation stands, in one line; brief: for a narrow window, where there is no bar beside it."""
    if brief:
        share = "" if now.share is None else f" {now.share:.0%}"
        figures = f"{now.connected}/{now.machines} connected · {now.frames_per_s:.0f} frames/s"
        return f"{now.phase}{share} · {figures} · {now.unstored} unstored"
    parts = [
        now.phase,
        f"{now.connected} of {now.machines} connected",
        f"{now.in_use} in use",
        f"{now.frames_per_s:.0f} frames/s",
        f"{now.samples_per_s:.0f} samples/s",
        f"{now.unstored} unstored",
    ]
    parts += [f"{count} {what}" for count, what in ((now.lost, "lost"), (now.refused, "refused")) if count]
    return " · ".join(parts)


def account_of(last: "sim.Progress") -> str:
    """What a simulation came to, in one line."""
    stored = f"{last.unstored} messages not stored" if last.unstored else "all stored"
    parts = [f"{last.sessions} sessions", f"{last.frames} frames of {last.machines} machines", stored]
    unhappy = (last.lost, "lost"), (last.refused, "refused by the broker")
    parts += [f"{count} {what}" for count, what in unhappy if count]
    return ", ".join(parts)


@contextmanager
def shown_replay(name: str) -> Iterator[Callable[["ReplayProgress"], None]]:
    """Show a replay: frames sent of all, and what is not stored yet."""
    with _bar(name) as (progress, task):

        def report(now: "ReplayProgress") -> None:
            words = f"{now.sent} of {now.frames} frames · {now.unstored} unstored"
            progress.update(task, total=max(1, now.frames), completed=now.sent, words=words)

        yield report


@contextmanager
def shown_history(name: str) -> Iterator[Callable[["HistoryProgress"], None]]:
    """Show how many members' years are made, and what has come of them."""
    with _bar(name) as (progress, task):

        def report(now: "HistoryProgress") -> None:
            words = f"{now.done} of {now.members} members · {now.sessions} sessions · {now.reps} reps"
            progress.update(task, total=now.members, completed=now.done, words=f"{words} · {now.samples} samples")

        yield report


@contextmanager
def shown_import(name: str) -> Iterator[Callable[["ImportProgress"], None]]:
    """Show how many sessions of all are in, how many were new, and the rate."""
    with _bar(name) as (progress, task):

        def report(now: "ImportProgress") -> None:
            words = f"{now.sent} of {now.sessions} sessions · {now.new} new · {now.per_s:.0f}/s"
            progress.update(task, total=max(1, now.sessions), completed=now.sent, words=words)

        yield report


@contextmanager
def shown_reanalysis() -> Iterator["Report"]:
    """Show a reanalysis: members exported, partitions done with the rate and the time left, sessions compared."""
    from sledwatch_analytics.bulk.reanalysing import Report

    with _bar("reanalysis") as (progress, task):

        def export(now: "ExportProgress") -> None:
            words = f"exported {now.done} of {now.members} members · {now.sessions} sessions · {now.reps} reps"
            progress.update(task, total=max(1, now.members), completed=now.done, words=words)

        def run(now: "RunProgress") -> None:
            left = "" if now.left_s is None else f" · {now.left_s:.0f} s left"
            words = f"{now.done} of {now.partitions} partitions, {now.kept} from before · {now.reps_per_s:.0f} reps/s"
            progress.update(task, total=max(1, now.partitions), completed=now.done, words=words + left)

        def settle(compared: int, sessions: int) -> None:
            words = f"compared {compared} of {sessions} sessions"
            progress.update(task, total=max(1, sessions), completed=compared, words=words)

        yield Report(export, run, settle)


@contextmanager
def shown_closings() -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many sessions are closed."""
    with _bar("closing") as (progress, task):

        def report(closed: int, sessions: int) -> None:
            words = f"{closed} of {sessions} sessions closed"
            progress.update(task, total=max(1, sessions), completed=closed, words=words)

        yield report


@contextmanager
def shown_trials() -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many refused messages were tried again."""
    with _bar("replaying") as (progress, task):

        def report(tried: int, asked: int) -> None:
            progress.update(task, total=max(1, asked), completed=tried, words=f"{tried} of {asked} tried")

        yield report


@contextmanager
def _bar(name: str, width: int = 40) -> Iterator[tuple[Progress, TaskID]]:
    console = Console(stderr=True)
    bar = [BarColumn(width)] if width else []
    columns = (TextColumn("{task.description}"), *bar, TextColumn("{task.fields[words]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task(name, total=None, words="")
