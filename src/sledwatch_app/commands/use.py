"""Commands that speak to a running system: machines that are none, scores, a way in."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from sledwatch_app.commands import quarantine
from sledwatch_app.commands.options import DataOption, MqttUrlOption
from sledwatch_app.errors import Failed, WrongUse
from sledwatch_app.settings import Settings, load

if TYPE_CHECKING:
    from sledwatch_sim import Listed

# Of microseconds since 1970 up to the year 5138.
_DIGITS_OF_A_TIME = 17

app = typer.Typer()
app.add_typer(quarantine.app, name="quarantine")


@app.command(
    epilog="Examples: [b]sledwatch simulate too-deep --speed 20 --truth t.jsonl[/b] · "
    "[b]sledwatch simulate --all --speed 60 --truth t.jsonl[/b] · [b]sledwatch simulate gym --forever[/b] · "
    "[b]sledwatch simulate ./my-gym.toml[/b]. docs/scenarios.md tells what a "
    "file may say."
)
def simulate(
    scenario: Annotated[
        Optional[str],  # noqa: UP045 - Typer shows the type
        typer.Argument(metavar="SCENARIO", help="What happens: a name of --list, or the path of a .toml file."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show the scenarios there are.")] = False,
    mqtt_url: MqttUrlOption = None,
    speed: Annotated[float, typer.Option(metavar="N", help="Event time over wall time.")] = 1.0,
    seed: Annotated[
        Optional[int],  # noqa: UP045 - Typer shows the type
        typer.Option(metavar="N", help="With --start: the same bytes each time."),
    ] = None,
    start: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="TIME", help="When it began: ISO 8601, UTC unless it says so, or microseconds."),
    ] = None,
    truth: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="Write down what really happened, for `sledwatch score`."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Play every scenario that comes with the program, all at once.")
    ] = False,
    forever: Annotated[bool, typer.Option("--forever", help="Go on until stopped (`gym` only).")] = False,
    machines_per_connection: Annotated[
        int, typer.Option(metavar="N", help="Have so many machines share a connection, as behind a gateway.")
    ] = 1,
) -> None:
    """Simulate machines and the people at them against a running system; ends when all is stored.

    Sends members, limits and weeks of history through the API at SLEDWATCH_URL, then frames over MQTT. Prints the
    session ids.
    """
    import sledwatch_sim as sim
    from sledwatch_app import lifeline, logs, wiring
    from sledwatch_app.progress import account_of, shown_simulation

    if listed:
        _show_scenarios(sim.listed())
        return
    if scenario is None and not every:
        raise WrongUse("which scenario? `sledwatch simulate --list` shows them, --all plays them all")
    if scenario is not None and every:
        raise WrongUse(f"{scenario} or --all: one of the two")
    settings = load(mqtt_url=mqtt_url)
    logs.configure("simulator", settings.log_level, settings.log_format)
    lifeline.hold()
    config = sim.SimConfig(
        mqtt_url=_local_broker(settings),
        mqtt_ca=settings.mqtt_ca,
        api_url=settings.url,
        # Asked for again before each call: analytics may make it after this process has begun.
        api_token=partial(wiring.known_token, settings),
        scenario=scenario or "",
        every=every,
        speed=speed,
        seed=seed,
        start_us=None if start is None else _time(start),
        truth_path=truth,
        forever=forever,
        machines_per_connection=machines_per_connection,
        zone=ZoneInfo(settings.time_zone),
    )
    try:
        with wiring.stop_on_signals() as stop, shown_simulation(scenario or "all") as show:
            last: list[sim.Progress] = []

            def report(now: sim.Progress) -> None:
                last[:] = [now]
                show(now)

            sessions = sim.run(config, report, stop)
    except sim.WrongSimulation as error:
        raise WrongUse(str(error)) from None
    except sim.SimulationError as error:
        raise Failed(str(error)) from None
    typer.echo(f"{scenario or 'all'}: {account_of(last[-1])}", err=True)
    if not forever:
        _say_sessions(sessions, interrupted=stop.is_set())


@app.command(
    epilog="Example: [b]sledwatch replay set.csv --gym riverside --machine press-1 --user m-1042[/b]. "
    "The file's first line is [b]t_us,depth_mm,load_kg[/b]; an empty depth is a missing sample."
)
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A recording: t_us,depth_mm,load_kg.")],
    gym: Annotated[str, typer.Option(metavar="NAME", help="Where it is taken to have happened.")],
    machine: Annotated[str, typer.Option(metavar="NAME", help="On which machine.")],
    user: Annotated[str, typer.Option(metavar="NAME", help="Whose session it is.")],
    mqtt_url: MqttUrlOption = None,
    keep_times: Annotated[bool, typer.Option("--keep-times", help="Do not move it to end now.")] = False,
) -> None:
    """Feed a recording as a machine would, at full speed; ends when all is stored, and prints the session id."""
    from sledwatch_app import logs, wiring
    from sledwatch_app.progress import shown_replay
    from sledwatch_app.replay import ReplayConfig
    from sledwatch_app.replay import replay as run_replay

    settings = load(mqtt_url=mqtt_url)
    logs.configure("replay", settings.log_level, settings.log_format)
    config = ReplayConfig(
        path=file,
        gym=gym,
        machine=machine,
        user=user,
        mqtt_url=_local_broker(settings),
        mqtt_ca=settings.mqtt_ca,
        api_url=settings.url,
        api_token=wiring.known_token(settings),
        keep_times=keep_times,
    )
    with wiring.stop_on_signals() as stop, shown_replay(file.name) as report:
        sessions = run_replay(config, report, stop)
    _say_sessions(sessions, interrupted=stop.is_set())


@app.command(epilog="Example: [b]sledwatch score t.jsonl --json[/b]")
def score(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="What `sledwatch simulate --truth` wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0.0, help="How long to wait for sessions to be closed.")
    ] = 90.0,
) -> None:
    """Compare what was found with what was true, scenario by scenario; waits until the sessions are closed.

    Reps are matched by time, findings by session. What lies within 1 % of a threshold is listed apart.
    """
    from sledwatch_app import wiring
    from sledwatch_app.progress import shown_closings
    from sledwatch_app.score import score as run_score

    settings = load()
    with shown_closings() as report:
        run_score(truth, settings.url, wiring.known_token(settings), as_json, wait, report=report)


@app.command("sign-in")
def sign_in(
    data: DataOption = None,
    base_url: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="URL", help="Where the browser finds the pages.", show_default="SLEDWATCH_URL"),
    ] = None,
) -> None:
    """Print a new link that signs a browser in, once."""
    from sledwatch_analytics.access import make_link
    from sledwatch_app import wiring

    settings = load(data=data, url=base_url)
    typer.echo(make_link(wiring.state_engine(settings), settings.url, wiring.now_us()))


def _show_scenarios(scenarios: "list[Listed]") -> None:
    table = Table("scenario", "what happens", "gyms", "machines", "minutes", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    table.columns[0].no_wrap = True
    for one in scenarios:
        table.add_row(one.name, one.summary, str(one.gyms), str(one.machines), str(one.span_min))
    Console(highlight=False).print(table)


def _say_sessions(sessions: list[str], *, interrupted: bool) -> None:
    """Print the ids, one a line; what was interrupted is not done, and its exit code says so."""
    for session in sessions:
        typer.echo(session)
    if interrupted:
        raise typer.Abort


def _local_broker(settings: Settings) -> str:
    """The broker that is set, else the one that `sledwatch up` brings on this machine."""
    return settings.mqtt_url or f"mqtt://127.0.0.1:{settings.mqtt_port}"


def _time(text: str) -> int:
    if text.isdecimal() and len(text) <= _DIGITS_OF_A_TIME:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"--start {text!r}: expected ISO 8601, such as 2026-11-22T07:00:00Z, or microseconds") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
