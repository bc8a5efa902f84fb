"""Commands for years of data: made as Parquet, and loaded into a running system."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Optional

import typer

from sledwatch_app.errors import Failed, WrongUse
from sledwatch_app.settings import load

_DAY_US = 86_400_000_000

app = typer.Typer()


@app.command(
    epilog="Example: [b]sledwatch history --members 500 --days 365 --out years[/b], then "
    "[b]sledwatch import years[/b]. With --seed and --start or --until: the same bytes each time."
)
def history(
    members: Annotated[int, typer.Option("--members", metavar="N", help="How many people.")],
    days: Annotated[int, typer.Option("--days", metavar="N", help="How many days.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to: a directory that is new or empty.")],
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Other people, other years.")] = 1,
    start: Annotated[
        Optional[str],  # noqa: UP045 - Typer shows the type
        typer.Option("--start", metavar="DATE", help="The first day, UTC, such as 2025-01-31."),
    ] = None,
    until: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--until", metavar="DATE", help="The day after the last, UTC.", show_default="today"),
    ] = None,
    samples: Annotated[
        float, typer.Option("--samples", metavar="SHARE", help="Share of the sessions with all their samples.")
    ] = 0.01,
    gyms: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--gyms", metavar="N", help="How many gyms.", show_default="160 members a gym"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a history that is there.")] = False,
) -> None:
    """Make years of a chain's sessions and reps, some with samples, and the truth about them, as Parquet.

    The people and presses are those of `sledwatch simulate`. Needs no running system; docs/history.md has the columns.
    """
    from sledwatch_app import wiring
    from sledwatch_app.progress import shown_history

    try:
        from sledwatch_sim.history.making import HistoryConfig, HistoryError, Stopped, WrongHistory, make_history
    except ModuleNotFoundError as error:
        raise Failed(f"the Python package {error.name} is missing: install sledwatch[simulator]") from None

    config = HistoryConfig(out, members, days, _start_us(start, until, days), seed, samples, gyms, force)
    try:
        with wiring.stop_on_signals() as stop, shown_history(out.name) as report:
            done = make_history(config, report, stop)
    except WrongHistory as error:
        raise WrongUse(str(error)) from None
    except HistoryError as error:
        raise Failed(str(error)) from None
    except Stopped:
        raise typer.Abort from None
    typer.echo(f"{out}: {done.members} members, {done.sessions} sessions, {done.reps} reps, {done.samples} samples")


def _start_us(start: str | None, until: str | None, days: int) -> int:
    """Midnight, UTC, of the first day."""
    if start is not None and until is not None:
        raise WrongUse("--start and --until: one of the two, --days says the other")
    today = datetime.now(UTC).date()
    try:
        first = _day("--start", start) if start else (_day("--until", until) if until else today) - timedelta(days=days)
        last = first + timedelta(days=days)
    except OverflowError:
        raise WrongUse(f"--days {days}: expected fewer") from None
    if last > today:
        raise WrongUse(f"the last day would be {last - timedelta(days=1)}: expected days that are over, in UTC")
    return (first - date(1970, 1, 1)).days * _DAY_US


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{option} {text!r}: expected a day such as 2025-01-31") from None


@app.command(
    "import",
    epilog="Example: [b]sledwatch import years[/b]. Run it again after an interruption: what is there stays as it is.",
)
def import_(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `sledwatch history` made, or as docs say.")],
) -> None:
    """Load members, sessions, reps and notes from Parquet into the running system at SLEDWATCH_URL.

    Sessions come in without their samples. docs/history.md says which columns are needed.
    """
    from sledwatch_app import wiring
    from sledwatch_app.progress import shown_import

    try:
        from sledwatch_app.importing import import_history
    except ModuleNotFoundError as error:
        raise Failed(f"the Python package {error.name} is missing: install sledwatch[simulator]") from None

    settings = load()
    with wiring.stop_on_signals() as stop, shown_import(directory.name) as report:
        done = import_history(directory, settings.url, wiring.known_token(settings), report, stop)
    here = f"{done.sent} of {done.sessions} sessions are in, {done.new} of them new with {done.reps} reps"
    noted = f"; {done.notes} new notes" if done.notes else ""
    typer.echo(f"{directory}: {here} ({done.per_s:.0f} sessions/s){noted}")
    if done.sent < done.sessions:
        raise typer.Abort
