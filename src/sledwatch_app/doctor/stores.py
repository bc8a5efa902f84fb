"""How the data directory, the state DB and the series store are."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from sledwatch_app.doctor.check import ANSWER_S, Check
from sledwatch_app.doctor.http import clock
from sledwatch_app.settings import Settings

# A machine-hour of training is 0.6 MB in SQLite.
_LITTLE_SPACE: Final = 1024**3
_NO_SPACE: Final = 100 * 1024**2


def data(settings: Settings) -> list[Check]:
    """Whether the data directory is there, and has room."""
    path = settings.data
    if not path.exists():
        return [Check("data", "warn", f"{path} is not there yet", "`sledwatch up` or `sledwatch migrate` makes it")]
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return [Check("data", "fail", f"{path} is no directory that this user can write", "SLEDWATCH_DATA names it")]
    free = shutil.disk_usage(path).free
    found = f"{path}: {free / 1024**3:.1f} GiB free"
    if free < _NO_SPACE:
        return [Check("data", "fail", found, "make room: nothing can be stored for long")]
    return [Check("data", "warn" if free < _LITTLE_SPACE else "ok", found, "make room" if free < _LITTLE_SPACE else "")]


def state(settings: Settings, machines: list[int]) -> list[Check]:
    """How the state DB is; appends the number of machines that it knows."""
    from sledwatch_storage.state.engine import SchemaOutdated, StateUnavailable, open_state, require_current, shown
    from sledwatch_storage.state.schema import machine

    try:
        url = make_url(settings.state_database)
        # To open a SQLite file that is absent would make it.
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            return [Check("state DB", "fail", f"{url.database} is not there", "run `sledwatch migrate` (`up` does it)")]
        engine = open_state(settings.state_database)
    except (StateUnavailable, ValueError) as error:
        return [Check("state DB", "fail", str(error), "SLEDWATCH_STATE_URL says where it is")]
    try:
        require_current(engine)
        with engine.connect() as connection:
            machines.append(connection.execute(select(func.count()).select_from(machine)).scalar_one())
    except SchemaOutdated as error:
        return [Check("state DB", "fail", str(error), "run `sledwatch migrate`")]
    except StateUnavailable as error:
        return [Check("state DB", "fail", str(error), "see the database's own log")]
    finally:
        engine.dispose()
    return [Check("state DB", "ok", f"{shown(url)}: up to date, knows {machines[0]} machines")]


def series(settings: Settings, *, create: bool) -> list[Check]:
    """Whether the series store takes writes. create: make InfluxDB's buckets where they are absent."""
    influx = settings.influx
    if influx is not None:
        return _influx(settings, create=create)
    path = settings.data / "series.db"
    if not path.exists():
        return [Check("series", "ok", f"SQLite; {path} is made when ingest starts")]
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", timeout=1, uri=True)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            return [
                Check("series", "fail", f"{path}: {error}", "put back a copy, or move it away: ingest makes a new one")
            ]
    return [Check("series", "ok", f"SQLite, {path}: {path.stat().st_size / 1024**2:.1f} MiB, takes writes")]


def _influx(settings: Settings, *, create: bool) -> list[Check]:
    from sledwatch_storage.series import influx_buckets
    from sledwatch_storage.series.port import StoreUnavailable

    influx = settings.influx
    assert influx is not None  # noqa: S101 - the caller has looked
    look = influx_buckets.create if create else influx_buckets.look
    try:
        findings = look(
            influx.url, influx.token, influx.org, influx.bucket, settings.influxdb_retention_days, timeout_s=ANSWER_S
        )
    except StoreUnavailable as error:
        return [Check("InfluxDB", "fail", str(error), "start it, or set SLEDWATCH_INFLUXDB_URL")]
    checks = [Check(one.name, "ok" if one.ok else "fail", one.what, one.to_do or "") for one in findings]
    try:
        checks += clock("InfluxDB's", influx.url, "/ping")
    except httpx.HTTPError:
        return checks  # it has answered before; of its clock nothing is known
    return checks
