"""The parts of the system as commands: all at once, or each by itself."""

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from sledwatch_app import lifeline
from sledwatch_app.commands.options import DataOption, MqttUrlOption
from sledwatch_app.errors import Failed, WrongUse

if TYPE_CHECKING:
    from fastapi import FastAPI

app = typer.Typer()


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
    from sledwatch_ingest.service import IngestConfig, PortTaken, have_the_process, run

    settings = load(data=data, mqtt_url=mqtt_url)
    logs.configure("ingest", settings.log_level, settings.log_format)
    lifeline.hold()
    config = IngestConfig(
        mqtt_url=_broker_of(settings.mqtt_url),
        mqtt_ca=settings.mqtt_ca,
        client_id=settings.ingest_client_id,
        group=settings.ingest_group,
        metrics_port=settings.metrics_port,
        time_zone=settings.time_zone,
    )
    state = wiring.state_engine(settings)
    series = wiring.series_store(settings)
    have_the_process()
    try:
        with wiring.stop_on_signals() as stop:
            run(config, series, state, wiring.now_us, stop)
    except PortTaken as error:
        raise WrongUse(str(error)) from None
    series.close()


@app.command()
def analytics(
    data: DataOption = None,
    mqtt_url: MqttUrlOption = None,
    pages: Annotated[bool, typer.Option(help="Serve the pages beside the API.")] = False,
) -> None:
    """Find reps, judge depth and workload, raise alerts, and serve the HTTP API.

    It listens on SLEDWATCH_HTTP_HOST and SLEDWATCH_HTTP_PORT.
    """
    from sledwatch_analytics.service import AnalyticsConfig, PartFailed, PortTaken, run
    from sledwatch_app import logs, wiring
    from sledwatch_app.settings import load

    settings = load(data=data, mqtt_url=mqtt_url)
    logs.configure("analytics", settings.log_level, settings.log_format)
    lifeline.hold()
    config = AnalyticsConfig(
        mqtt_url=_broker_of(settings.mqtt_url),
        mqtt_ca=settings.mqtt_ca,
        http_host=settings.http_host,
        http_port=settings.http_port,
        time_zone=settings.time_zone,
        api_token=wiring.api_token(settings),
    )
    state = wiring.state_engine(settings)
    series = wiring.series_store(settings)
    derived = wiring.derived_series(settings)
    mount = _pages_beside if pages else None
    try:
        with wiring.stop_on_signals() as stop:
            run(config, series, state, wiring.now_us, derived=derived, mount=mount, stop=stop)
    except PortTaken as error:
        raise WrongUse(str(error)) from None
    except PartFailed as error:
        raise Failed(str(error)) from None
    finally:
        series.close()
        if derived is not None:
            derived.close()


@app.command()
def web() -> None:
    """Serve the pages alone, as a client of the API at SLEDWATCH_URL.

    It listens on SLEDWATCH_HTTP_HOST and SLEDWATCH_HTTP_PORT.
    """
    import uvicorn

    from sledwatch_app import logs
    from sledwatch_app.settings import load
    from sledwatch_web.app import create_app

    settings = load()
    logs.configure("web", settings.log_level, settings.log_format)
    lifeline.hold()
    uvicorn.run(
        create_app(api_base_url=settings.url),
        host=settings.http_host,
        port=settings.http_port,
        log_level="warning",
        # A live stream lasts as long as somebody looks at it: it must not hold the end up.
        timeout_graceful_shutdown=1,
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


def _pages_beside(api: "FastAPI") -> None:
    """One process, one port: what is not the API's is the pages'."""
    from sledwatch_analytics.api.app import put_beside
    from sledwatch_web.app import create_app

    put_beside(api, create_app(api_app=api))


def _broker_of(url: str | None) -> str:
    if url is None:
        raise WrongUse("no broker: set SLEDWATCH_MQTT_URL or give --mqtt-url (`sledwatch up` brings its own)")
    return url
