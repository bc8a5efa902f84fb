"""The command that judges a whole chain's history anew."""

import json
import os
from contextlib import closing
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from sledwatch_app.commands.options import DataOption
from sledwatch_app.errors import Failed, WrongUse

if TYPE_CHECKING:
    from sledwatch_analytics.bulk.reanalysing import Reanalysis
    from sledwatch_analytics.bulk.sampling import FromSamples

app = typer.Typer()


@app.command(
    epilog="Examples: [b]sledwatch reanalyse --from 2026-01-01 --to 2026-03-31 --dry-run[/b] · "
    "[b]sledwatch reanalyse --from 2026-01-01 --to 2026-03-31 --dask tcp://cluster:8786[/b]"
)
def reanalyse(
    from_: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day, in the gyms' time zones.")],
    to: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day.")],
    gym: Annotated[
        Optional[str],  # noqa: UP045 - Typer shows the type
        typer.Option("--gym", metavar="GYM", help="Sessions of this gym only.", show_default="all"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    from_samples: Annotated[
        bool,
        typer.Option("--from-samples", help="Find the reps anew instead, and ask for closings where they differ."),
    ] = False,
    dask: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--dask", metavar="URL", help="A Dask cluster's scheduler, such as tcp://cluster:8786."),
    ] = None,
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--workers", metavar="N", min=1, help="Processes on this machine.", show_default="its CPUs"),
    ] = None,
    work_dir: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--work-dir", metavar="DIR", help="Where files go.", show_default="reanalysis in the data directory"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell what changed as JSON.")] = False,
    data: DataOption = None,
) -> None:
    """Judge the workload of past sessions anew, by the rules of today, and say what that changes.

    It works on the state DB beside a running system. Broken off and run again, it goes on where it was.
    """
    from sledwatch_app import wiring
    from sledwatch_app.progress import shown_reanalysis
    from sledwatch_app.settings import load
    from sledwatch_storage.series import StoreUnavailable
    from sledwatch_storage.state.engine import StateUnavailable
    from sledwatch_storage.state.gyms import get_gym

    try:
        from sledwatch_analytics.bulk.exporting import Range, Stopped
        from sledwatch_analytics.bulk.reanalysing import InUse, Plan
        from sledwatch_analytics.bulk.reanalysing import reanalyse as run_reanalysis
        from sledwatch_analytics.bulk.running import RunFailed
        from sledwatch_analytics.bulk.sampling import find_anew
    except ModuleNotFoundError as error:
        raise Failed(f"the Python package {error.name} is missing: install sledwatch[analytics]") from None

    wanted = Range(_day("--from", from_), _day("--to", to), gym)
    if wanted.first > wanted.last:
        raise WrongUse(f"--from {from_} is after --to {to}")
    settings = load(data=data)
    if settings.state_url is None and not settings.data.is_dir():
        raise WrongUse(f"data directory {settings.data}: no such directory; --data or SLEDWATCH_DATA says where it is")
    state = wiring.state_engine(settings)
    plan = Plan(
        wanted=wanted,
        directory=work_dir or wiring.data_directory(settings) / "reanalysis",
        workers=workers or os.cpu_count() or 1,
        dask_url=dask,
        dry_run=dry_run,
    )
    try:
        if gym is not None and get_gym(state, gym) is None:
            raise WrongUse(f"--gym {gym}: no such gym: none of its machines was ever seen")
        with wiring.stop_on_signals() as stop, shown_reanalysis() as report:
            if from_samples:
                with closing(wiring.series_store(settings)) as series:
                    found = find_anew(state, series, plan, wiring.now_us, report, stop)
            else:
                done = run_reanalysis(state, plan, wiring.now_us, report, stop)
    except InUse as error:
        raise WrongUse(str(error)) from None
    except (RunFailed, StateUnavailable, StoreUnavailable) as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise Failed(f"{error.filename or plan.directory}: {error.strerror or error}") from None
    except Stopped:
        raise typer.Abort from None
    finally:
        state.dispose()
    if from_samples:
        typer.echo(_found_as_json(found, dry_run) if as_json else "\n".join(_told_of_samples(found, dry_run)))
    else:
        typer.echo(_as_json(done, dry_run) if as_json else "\n".join(_told(done, wanted.first, wanted.last, dry_run)))


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{option} {text!r}: expected a day such as 2026-01-31") from None


def _as_json(done: "Reanalysis", dry_run: bool) -> str:
    counts = {name: getattr(done, name) for name in ("members", "partitions", "kept", "reps")}
    return json.dumps({"dry_run": dry_run} | counts | done.compared.as_json())


def _told(done: "Reanalysis", first: date, last: date, dry_run: bool) -> list[str]:
    compared = done.compared.as_json()
    sessions = f"{done.members} members, {compared['sessions']} sessions, {done.reps} reps"
    partitions = f"{done.partitions} partitions, {done.kept} of them analysed before"
    lines = [f"{first} to {last}: {sessions} in {partitions}"]
    if compared["findings"]:
        kinds = ("new", "gone", "severity", "words", "same", "members")
        heads = ("new", "gone", "other severity", "other words", "same", "members concerned")
        lines.append(f"{'':20}" + "".join(f"{head:>{max(8, len(head) + 2)}}" for head in heads))
        for rule, counts in compared["findings"].items():
            figures = zip(heads, (counts[kind] for kind in kinds), strict=True)
            lines.append(f"{rule:20}" + "".join(f"{count:>{max(8, len(head) + 2)}}" for head, count in figures))
    alerts, would = compared["alerts"], "would be " if dry_run else ""
    lines.append(
        f"alerts: {alerts['raised']} {would}raised, {alerts['changed']} {would}changed, "
        f"{alerts['withdrawn']} {would}withdrawn"
    )
    for name, words in (
        ("rejudged", "by other rules than they stood by"),
        ("recounted", "with other hard sets"),
        ("differing", "whose reps add up to other figures than stand: their next closing sets them right"),
        ("left", "that changed meanwhile and were left as they are: run it again"),
    ):
        if compared[name]:
            lines.append(f"sessions {words}: {compared[name]}")
    changed = done.compared.changed or compared["rejudged"] or compared["recounted"] or sum(alerts.values())
    if not changed:
        lines.append("Nothing differs from what stands.")
    elif dry_run:
        lines.append("A dry run: nothing was changed.")
    return lines


def _found_as_json(found: "FromSamples", dry_run: bool) -> str:
    return json.dumps({"dry_run": dry_run} | asdict(found))


def _told_of_samples(found: "FromSamples", dry_run: bool) -> list[str]:
    lines = [f"{found.sessions} sessions with samples, {found.without_samples} without; {len(found.differing)} differ"]
    for one in found.differing:
        off = f"a bottom is off by {one.off_mm:.1f} mm" if one.off_mm is not None else "they turn elsewhere"
        lines.append(f"{one.session} ({one.user}): {one.reps} reps, {one.stood} stand; {off}")
    if found.differing:
        lines.append("A dry run: no closing was asked for." if dry_run else "Their closing is asked for.")
    return lines
