"""The command line. Each command imports its part when it runs, so that `--help` answers at once."""

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from sledwatch_app import lifeline
from sledwatch_app.errors import Failed, WrongUse

app = typer.Typer(
    name="sledwatch",
    help="Watches smart leg presses: depth and load over MQTT, reps and workload, an alert to the trainer in time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
quarantine = typer.Typer(no_args_is_help=True, help="Messages that were refused, and why.")
app.add_typer(quarantine, name="quarantine")

DataOption = Annotated[
    Optional[Path],  # noqa: UP045 - Typer shows the type
    typer.Option("--data", metavar="DIR", help="Directory of databases, token and logs.", show_default="data"),
]
MqttUrlOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--mqtt-url", metavar="URL", help="The broker, as mqtt://[USER:PASSWORD@]HOST[:PORT]."),
]


def main() -> None:
    """Run a command; wrong use is one clear line and exit code 2, work that could not be done is exit code 1."""
    try:
        code = app(standalone_mode=False, prog_name="sledwatch")
    except WrongUse as error:
        _leave(str(error), 2)
    except Failed as error:
        _leave(str(error), 1)
    except typer.Abort:
        _leave("stopped", 130)
    except typer.TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        _leave(f"{' '.join(message.split())} (see `sledwatch --help`)", int(getattr(error, "exit_code", 2)))
    except KeyboardInterrupt:
        _leave("stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _leave(message: str, code: int) -> None:
    typer.echo(f"sledwatch: {message}", err=True)
    sys.exit(code)


@app.command(
    epilog="Examples: [b]sledwatch up[/b] · [b]sledwatch up --http-port 8090 --data ~/gym[/b] · "
    "[b]sledwatch up --no-simulator --mqtt-url mqtt://broker.local[/b]"
)
def up(
    simulator: Annotated[bool, typer.Option(help="Run the simulated gym too.")] = True,
    data: DataOption = None,
    http_port: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(metavar="N", help="Port of API and pages.", show_default="8080"),
    ] = None,
    mqtt_port: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(metavar="N", help="Port of the broker that comes along.", show_default="1883"),
    ] = None,
    mqtt_url: MqttUrlOption = None,
) -> None:
    """Run everything on this machine: broker, ingest, analytics with the pages, and a simulated gym.

    With a broker's URL it uses that one. With SLEDWATCH_INFLUXDB_URL set, series go to InfluxDB instead of SQLite.
    """
    from sledwatch_app import logs, wiring
    from sledwatch_app.settings import load
    from sledwatch_app.up import up as run_up

    settings = load(data=data, http_port=http_port, mqtt_port=mqtt_port, mqtt_url=mqtt_url)
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})
    logs.configure("up", settings.log_level, settings.log_format)
    with wiring.stop_on_signals() as stop:
        run_up(settings, simulator=simulator, stop=stop, say=typer.echo)


@app.command()
def ingest(data: DataOption = None, mqtt_url: MqttUrlOption = None) -> None:
    """Store what machines publish, and tell them so. Needs a broker's URL and a migrated state DB."""
    from sledwatch_app import logs, wiring
    from sledwatch_app.settings import load
    from sledwatch_ingest.service import IngestConfig, run

    settings = load(data=data, mqtt_url=mqtt_url)
    logs.configure("ingest", settings.log_level, settings.log_format)
    lifeline.hold()
    config = IngestConfig(
        mqtt_url=_broker_of(settings.mqtt_url),
        group=settings.ingest_group,
        metrics_port=settings.metrics_port,
        time_zone=settings.time_zone,
    )
    state = wiring.state_engine(settings)
    series = wiring.series_store(settings)
    with wiring.stop_on_signals() as stop:
        run(config, series, state, wiring.now_us, stop)
    series.close()


@app.command()
def analytics(
    data: DataOption = None,
    mqtt_url: MqttUrlOption = None,
    pages: Annotated[bool, typer.Option(help="Serve the pages beside the API.")] = False,
) -> None:
    """Find reps, judge depth and workload, raise alerts, and serve the HTTP API."""
    from sledwatch_analytics.service import AnalyticsConfig, run
    from sledwatch_app import logs, wiring
    from sledwatch_app.settings import load

    settings = load(data=data, mqtt_url=mqtt_url)
    logs.configure("analytics", settings.log_level, settings.log_format)
    lifeline.hold()
    config = AnalyticsConfig(
        mqtt_url=_broker_of(settings.mqtt_url),
        http_host=settings.http_host,
        http_port=settings.http_port,
        time_zone=settings.time_zone,
        api_token=wiring.api_token(settings),
    )
    state = wiring.state_engine(settings)
    series = wiring.series_store(settings)
    run(config, series, state, wiring.now_us, mount=_mount_pages if pages else None)
    series.close()


@app.command()
def web() -> None:
    """Serve the pages alone, as a client of the API at SLEDWATCH_URL."""
    import uvicorn

    from sledwatch_app import logs
    from sledwatch_app.settings import load
    from sledwatch_web.app import create_app

    settings = load()
    logs.configure("web", settings.log_level, settings.log_format)
    lifeline.hold()
    uvicorn.run(
        create_app(api_base_url=settings.url), host=settings.http_host, port=settings.http_port, log_level="warning"
    )


@app.command()
def migrate(data: DataOption = None) -> None:
    """Bring the state DB's schema up to date (`sledwatch up` does it by itself)."""
    from sledwatch_app import wiring
    from sledwatch_app.settings import load
    from sledwatch_storage.state.engine import StateUnavailable
    from sledwatch_storage.state.engine import migrate as run_migrate

    settings = load(data=data)
    if settings.state_url is None:
        wiring.data_directory(settings)
    try:
        revision = run_migrate(settings.state_database)
    except StateUnavailable as error:
        raise WrongUse(str(error)) from None
    typer.echo(f"The state DB is at revision {revision}.")


@app.command(hidden=True)
def broker() -> None:
    """Run the broker that `sledwatch up` brings, in the foreground."""
    from sledwatch_app import logs, wiring
    from sledwatch_app.broker import BrokerPortTaken, run_broker
    from sledwatch_app.settings import load

    settings = load()
    logs.configure("broker", settings.log_level, settings.log_format)
    try:
        run_broker(wiring.data_directory(settings), settings.mqtt_port)
    except BrokerPortTaken as error:
        raise WrongUse(str(error)) from None


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
    from sledwatch_app.settings import load

    settings = load(data=data, url=base_url)
    typer.echo(make_link(wiring.state_engine(settings), settings.url, wiring.now_us()))


@quarantine.command("list")
def quarantine_list(
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Newest N messages.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List refused messages, newest first, from the API at SLEDWATCH_URL."""
    import json

    from rich.console import Console
    from rich.table import Table

    from sledwatch_app.api_client import connect

    with connect() as api:
        items = api.get("/quarantine", limit=limit)["items"]
    if as_json:
        for item in items:
            typer.echo(json.dumps(item))
        return
    if not items:
        typer.echo("The quarantine is empty.")
        return
    table = Table("id", "received", "machine", "reason", "detail", "times", box=None)
    for item in items:
        machine = f"{item['gym']}/{item['machine']}" if item["machine"] else item["topic"]
        table.add_row(str(item["id"]), item["received_at"], machine, item["reason"], item["detail"], str(item["count"]))
    Console().print(table)


def _broker_of(url: str | None) -> str:
    if url is None:
        raise WrongUse("no broker: set SLEDWATCH_MQTT_URL or give --mqtt-url (`sledwatch up` brings its own)")
    return url
