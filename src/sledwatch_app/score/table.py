"""A score as people read it: tables that fit a terminal of 80 columns, and use one of 120."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from sledwatch_app.score.compare import Counts, Reps, Score, spread

_WIDE: Final = 120
_MOST_NEAR: Final = 20


def show(result: Score, sessions: int) -> None:
    """Print a score. sessions: how many it is about."""
    console = Console(highlight=False)
    several = {name or "?": one for name, one in result.scenarios.items()}
    rows = [(name, one.reps) for name, one in several.items()]
    if len(rows) != 1:
        rows.append(("all", result.reps))
    _show_reps(console, "scenario", rows)
    console.print("[dim]Precision and recall in %. Off by: bottom p50 / p95 / most, the others p95.[/dim]\n")
    if result.faults or result.hidden:
        _show_sensors(console, result)
    _show_findings(console, several, result)
    _show_near(console, result)
    if result.unclosed:
        console.print(f"{result.unclosed} of {sessions} sessions were not closed in time, and count as they stand.")


def _show_reps(console: Console, what: str, rows: Sequence[tuple[str, Reps]]) -> None:
    """Reps counted, and how far off they are: one table where there is room for it, else two."""
    counts = ["reps", "found", "right", "precision", "recall"]
    errors = ["bottom mm", "start ms", "turn ms", "end ms", "velocity %"]
    if console.width >= _WIDE:
        _show(console, [what, *counts, *errors], [[name, *_counted(reps), *_off(reps)] for name, reps in rows])
    else:
        _show(console, [what, *counts], [[name, *_counted(reps)] for name, reps in rows])
        console.print()
        _show(console, [what, *errors], [[name, *_off(reps)] for name, reps in rows])


def _counted(reps: Reps) -> list[str]:
    one = reps.counts
    return [str(one.true), str(one.found), str(one.right), _percent(one.precision), _percent(one.recall)]


def _off(reps: Reps) -> list[str]:
    p95 = {name: spread(errors)["p95"] for name, errors in reps.errors.items()}
    times = [_number(p95[name], 0) for name in ("start_ms", "turn_ms", "end_ms")]
    return [_bottom(reps), *times, _number(p95["mean_velocity_pct"], 1)]


def _bottom(reps: Reps) -> str:
    errors = spread(reps.errors["bottom_mm"])
    return " / ".join(_number(errors[name], 1) for name in ("p50", "p95", "max")) if reps.errors["bottom_mm"] else "–"


def _show_sensors(console: Console, result: Score) -> None:
    _show_reps(console, "sensors", [("faultless", result.faultless), ("faulty", result.faulty)])
    if result.hidden:
        console.print(f"[dim]Without {result.hidden} reps while a sensor stuck, was blind or had no power.[/dim]")
    console.print()
    header = ["fault", "reps", "hidden", "found", "missed", "not true", "bottom mm"]
    faults = [
        [
            kind,
            str(one.counts.true),
            str(result.hidden_by.get(kind, 0)),
            str(one.counts.found),
            str(one.counts.true - one.counts.right),
            str(one.counts.found - one.counts.right),
            _bottom(one),
        ]
        for kind, one in result.faults.items()
    ]
    _show(console, header, faults)
    console.print("[dim]Of all sessions at a machine with that fault; a machine may have several.[/dim]\n")


def _show_findings(console: Console, scenarios: dict[str, Score], result: Score) -> None:
    groups = [*scenarios.items(), *([("all", result)] if len(scenarios) != 1 else [])]
    rows: list[list[str]] = []
    for name, score in groups:
        told = [(rule, one) for rule, one in score.findings.items() if one.true or one.found or one.near]
        if told:
            rows.append([name])
            rows += [[f"  {rule}", *_judged(one)] for rule, one in told]
    if not rows:
        console.print("No finding was to be found, and none was.")
        return
    header = ["finding", "true", "found", "right", "precision", "recall", "severity", "near"]
    _show(console, header, rows)
    silent = [name for name, score in scenarios.items() if not any(one.found for one in score.findings.values())]
    if silent and len(scenarios) > 1:
        console.print(f"[dim]Nothing was found in {', '.join(silent)}.[/dim]")


def _judged(one: Counts) -> list[str]:
    return [
        str(one.true),
        str(one.found),
        str(one.right),
        _percent(one.precision),
        _percent(one.recall),
        _percent(one.severity),
        str(one.near or ""),
    ]


def _show_near(console: Console, result: Score) -> None:
    if not result.near:
        return
    console.print()
    rows = [[one.rule, one.scenario, one.session, one.found or "no"] for one in result.near[:_MOST_NEAR]]
    _show(console, ["too near to call", "scenario", "session", "found"], rows, words=4)
    if len(result.near) > _MOST_NEAR:
        console.print(f"[dim]and {len(result.near) - _MOST_NEAR} more; --json lists them all.[/dim]")


def _show(console: Console, header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> None:
    """words: so many columns are text; the rest are figures. A row may be shorter than the header."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(header):
        table.add_column(name, justify="left" if at < words else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _number(figure: float | None, digits: int) -> str:
    return "–" if figure is None else f"{figure:.{digits}f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.2f}"
