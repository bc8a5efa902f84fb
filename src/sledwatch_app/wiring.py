"""Adapters made from settings: the one place where it is decided what the stores are."""

import os
import secrets
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

import structlog
from sqlalchemy import Engine

from sledwatch_app.errors import WrongUse
from sledwatch_app.settings import InfluxSettings, Settings
from sledwatch_storage.series import SeriesStore
from sledwatch_storage.series.derived import DerivedSeries

log = structlog.get_logger()


def now_us() -> int:
    """The wall clock: microseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1_000


def data_directory(settings: Settings) -> Path:
    """Make the data directory if it is not there. Raises WrongUse where it cannot be used."""
    path = settings.data
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise WrongUse(f"data directory {path}: not a directory") from None
    except OSError as error:
        raise WrongUse(f"data directory {path}: {error.strerror}") from None
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise WrongUse(f"data directory {path}: not readable and writable by this user")
    return path


def series_store(settings: Settings) -> SeriesStore:
    """InfluxDB where it is set, else SQLite in the data directory. Raises WrongUse for a file that is none of ours."""
    influx = settings.influx
    if influx is not None:
        from sledwatch_storage.series.influx import InfluxSeries

        if not _make_buckets(influx):
            threading.Thread(target=_make_buckets_later, args=(influx,), name="buckets", daemon=True).start()
        return InfluxSeries(influx.url, influx.token, influx.org, influx.bucket, gzip=influx.gzip)
    from sledwatch_storage.series.port import StoreUnavailable
    from sledwatch_storage.series.sqlite import SqliteSeries

    try:
        return SqliteSeries(data_directory(settings) / "series.db")
    except StoreUnavailable as error:
        raise WrongUse(str(error)) from None


def derived_series(settings: Settings) -> DerivedSeries | None:
    """Where copies for Grafana go: to InfluxDB where it is set, else nowhere."""
    influx = settings.influx
    if influx is None:
        return None
    from sledwatch_storage.series.influx_buckets import derived
    from sledwatch_storage.series.influx_derived import InfluxDerived

    return InfluxDerived(influx.url, influx.token, influx.org, derived(influx.bucket), gzip=influx.gzip)


def _make_buckets(influx: InfluxSettings) -> bool:
    """Make the buckets that are not there, and log what is for the operator to do; whether the server answered."""
    from sledwatch_storage.series.influx_buckets import create
    from sledwatch_storage.series.port import StoreUnavailable

    try:
        findings = create(influx.url, influx.token, influx.org, influx.bucket, influx.retention_days, timeout_s=2)
    except StoreUnavailable:
        return False
    for finding in findings:
        if not finding.ok:
            log.warning("influxdb.not_as_expected", what=f"{finding.name} {finding.what}", to_do=finding.to_do)
    return True


def _make_buckets_later(influx: InfluxSettings) -> None:
    """The server is away while the part starts. Nothing is stored before it is back, and then there is a bucket."""
    wait_s = 0.5
    while not _make_buckets(influx):
        time.sleep(wait_s)
        wait_s = min(10.0, wait_s * 2)


def state_engine(settings: Settings) -> Engine:
    """The state DB, with its schema up to date. Raises WrongUse where it is not to be had or not migrated."""
    from sledwatch_storage.state.engine import SchemaOutdated, StateUnavailable, open_state, require_current

    if settings.state_url is None:
        data_directory(settings)
    try:
        engine = open_state(settings.state_database)
        require_current(engine)
    except (SchemaOutdated, StateUnavailable) as error:
        raise WrongUse(str(error)) from None
    return engine


def api_token(settings: Settings) -> str:
    """The administrator's token: the one that is set, else the one in the data directory, made at first need."""
    if settings.api_token is not None:
        return settings.api_token
    path = data_directory(settings) / "api-token"
    try:
        # Two parts may start at once: only one creates the file, the other reads it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    except FileExistsError:
        return _read_token(path)
    with os.fdopen(descriptor, "w") as file:
        file.write(token := secrets.token_urlsafe(32))
    return token


def _read_token(path: Path) -> str:
    for _ in range(50):
        try:
            token = path.read_text().strip()
        except OSError as error:
            raise WrongUse(f"{path}: {error.strerror}") from None
        if token:
            return token
        time.sleep(0.02)
    raise WrongUse(f"{path} is empty: delete it and a new token is made")


def known_token(settings: Settings) -> str | None:
    """The token that is set or kept in the data directory, None where there is none: none is made here."""
    if settings.api_token is not None:
        return settings.api_token
    path = settings.data / "api-token"
    return _read_token(path) if path.exists() else None


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second SIGINT interrupts."""
    stop = threading.Event()
    # A handler runs in the middle of whatever the main thread does, perhaps while that holds the event's own lock (and
    # another signal in the middle of the handler): there only what is reentrant does not wait for itself.
    asked: SimpleQueue[int] = SimpleQueue()
    signals: list[int] = []

    def ask(signum: int, _frame: FrameType | None) -> None:
        again = bool(signals)
        signals.append(signum)
        asked.put(signum)
        if again and signum == signal.SIGINT:
            raise KeyboardInterrupt

    def hand_on() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=hand_on, name="signals", daemon=True).start()
    before = {signum: signal.signal(signum, ask) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
