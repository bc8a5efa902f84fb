"""SQLite's write-ahead log, in which readers and a writer do not wait for each other."""

import sqlite3
import time


def use_write_ahead_log(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Switch to it. SQLite does not wait for a busy file here, so we do. Raises sqlite3.OperationalError."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
