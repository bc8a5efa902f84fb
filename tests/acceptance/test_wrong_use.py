"""Wrong use of the command line: one clear line, exit code 2, no trace."""

import socket
import subprocess
from pathlib import Path

import pytest

from whole_line import SLEDWATCH, clean_environment


def run(*words: str, cwd: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(SLEDWATCH), *words],
        env=clean_environment(**settings),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "settings", "expected"),
    [
        (["fly"], {}, "No such command"),
        (["up", "--sideways"], {}, "--sideways"),
        (["up", "--http-port", "many"], {}, "integer"),
        (["up", "--http-port", "70000"], {}, "SLEDWATCH_HTTP_PORT"),
        (["up", "--mqtt-url", "broker.local"], {}, "mqtt://"),
        (["up", "--mqtt-url", "mqtt://broker:port"], {}, "SLEDWATCH_MQTT_URL"),
        (["ingest", "--mqtt-url", "mqtt://user:secret@broker/path"], {}, "***@broker/path"),
        (["up"], {"INFLUXDB_URL": "http://127.0.0.1:8086"}, "SLEDWATCH_INFLUXDB_TOKEN"),
        (["up"], {"TIME_ZONE": "Mars/Olympus"}, "SLEDWATCH_TIME_ZONE"),
        (["up"], {"API_TOKEN": "short"}, "SLEDWATCH_API_TOKEN"),
        (["up"], {"INGEST_GROUP": "ingest"}, "--mqtt-url"),
        (["ingest"], {}, "SLEDWATCH_MQTT_URL"),
        (["ingest", "--mqtt-url", "mqtt://127.0.0.1:1"], {}, "sledwatch migrate"),
        (["simulate", "no-such-gym"], {}, "no-such-gym"),
        (["simulate", "too-deep", "--start", "9" * 25], {}, "--start"),
        (["simulate", "too-deep", "--start", "²"], {}, "--start"),
        (["replay", "absent.csv", "--gym", "g", "--machine", "m", "--user", "u"], {}, "absent.csv"),
        (["score", "absent.jsonl"], {}, "absent.jsonl"),
        (["reanalyse", "--from", "2026-02-30", "--to", "2026-03-01"], {}, "--from"),
        (["reanalyse", "--from", "2026-03-02", "--to", "2026-03-01"], {}, "after"),
        (["reanalyse", "--from", "2026-03-01", "--to", "2026-03-02", "--data", "absent"], {}, "absent"),
        (["reanalyse", "--from", "2026-03-01", "--to", "2026-03-02", "--data", "."], {}, "sledwatch migrate"),
        (["quarantine", "list"], {"URL": "ftp://x"}, "SLEDWATCH_URL"),
    ],
)
def test_wrong_use_is_one_clear_line(words: list[str], settings: dict[str, str], expected: str, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path, **settings)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("sledwatch: ")
    assert expected in done.stderr


def test_a_settings_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfeS")
    done = run("up", cwd=tmp_path)
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert done.stderr.startswith("sledwatch: .env: ")


def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("not a directory")
    done = run("up", "--data", "taken", cwd=tmp_path)
    assert (2, "sledwatch: data directory taken: not a directory\n") == (done.returncode, done.stderr)


def test_a_data_directory_full_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "state.db").write_text("this is no database, but somebody's diary" * 100)
    done = run("up", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "state.db" in done.stderr


def test_a_series_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    migrated = run("migrate", cwd=tmp_path)
    (tmp_path / "data" / "series.db").write_text("a shopping list" * 500)
    done = run("ingest", "--mqtt-url", "mqtt://127.0.0.1:1", cwd=tmp_path)
    assert (0, 2) == (migrated.returncode, done.returncode)
    assert done.stderr.count("\n") == 1
    assert "series.db" in done.stderr


def test_one_port_for_both_is_refused(tmp_path: Path, free_port) -> None:  # type: ignore[no-untyped-def]
    port = str(free_port())
    done = run("up", "--http-port", port, "--mqtt-port", port, cwd=tmp_path)
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert "--mqtt-port" in done.stderr


@pytest.mark.parametrize("flag", ["--http-port", "--mqtt-port"])
def test_a_taken_port_says_so_and_how_to_choose_another(flag: str, tmp_path: Path, free_port) -> None:  # type: ignore[no-untyped-def]
    ports = {"--http-port": free_port(), "--mqtt-port": free_port()}
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports[flag]))
        other.listen()
        flags = [str(word) for pair in ports.items() for word in pair]
        done = run("up", *flags, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(ports[flag]) in done.stderr
    assert flag in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["up"],
        ["ingest"],
        ["analytics"],
        ["web"],
        ["migrate"],
        ["simulate"],
        ["replay"],
        ["score"],
        ["quarantine"],
        ["sign-in"],
        ["doctor"],
        ["credentials"],
        ["credentials", "init"],
    ],
)
def test_help_helps(command: list[str], tmp_path: Path) -> None:
    done = run(*command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Usage: sledwatch" in done.stdout
