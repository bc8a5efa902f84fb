"""A PostgreSQL server of its own for tests, with an empty database: on loopback, in a directory that goes with it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def postgresql_url(free_port: Callable[[], int]) -> Iterator[str]:
    """The URL of an empty database."""
    home = Path(tempfile.mkdtemp(prefix="sledwatch-postgresql-"))
    # PostgreSQL refuses to run as root, and containers often do.
    how: dict[str, Any] = {
        "stdout": subprocess.DEVNULL,
        "cwd": home,
        "env": {**os.environ, "HOME": str(home)},
    }
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        how |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    port, data = free_port(), str(home / "data")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        subprocess.run(["initdb", "-D", data, "-A", "trust", "-U", "sledwatch", "--no-sync"], check=True, **how)
        subprocess.run(["pg_ctl", "-D", data, "-o", options, "-l", str(home / "log"), "-w", "start"], check=True, **how)
        try:
            yield f"postgresql+psycopg://sledwatch@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(["pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], check=True, **how)
    finally:
        shutil.rmtree(home)
