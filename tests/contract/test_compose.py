"""docker-compose.yml and the Dockerfiles, read against what the services accept."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from sledwatch_app.cli import app
from sledwatch_app.settings import Settings, load

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SECRETS = {
    name: f"secret-of-{name.lower()}"
    for name in (
        "SLEDWATCH_MQTT_PASSWORD",
        "SLEDWATCH_INFLUXDB_PASSWORD",
        "SLEDWATCH_INFLUXDB_TOKEN",
        "SLEDWATCH_API_TOKEN",
    )
}


def environment(service: dict[str, Any]) -> dict[str, str]:
    """A service's environment with the secrets filled in, as compose would."""
    filled = {}
    for name, value in service.get("environment", {}).items():
        filled[name] = re.sub(r"\$\{(\w+)[^}]*\}", lambda match: SECRETS[match.group(1)], str(value))
    return filled


@pytest.mark.parametrize("name", OURS)
def test_every_setting_of_a_service_is_one_that_is_read(name: str) -> None:
    known = {f"SLEDWATCH_{field.upper()}" for field in Settings.model_fields}
    assert set() == {setting for setting in environment(OURS[name]) if setting not in known}


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_a_service_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for setting, value in environment(OURS[name]).items():
        monkeypatch.setenv(setting, value)
    settings = load()
    if "influxdb" in OURS[name].get("depends_on", {}):
        assert settings.influx is not None
        assert SERVICES["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"] == settings.influx.bucket


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_there_is(name: str) -> None:
    commands = typer.main.get_group(app).commands
    assert OURS[name]["command"][0] in commands


@pytest.mark.parametrize("name", OURS)
def test_a_dockerfile_copies_what_there_is_and_installs_an_extra_that_there_is(name: str) -> None:
    dockerfile = (ROOT / OURS[name]["build"]["dockerfile"]).read_text()
    copied = [
        path for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE) for path in line.split()
    ]
    assert [] == [path for path in copied if not (ROOT / path).exists()]
    extra = re.search(r"RUN sh \S+install\.sh (\w+)", dockerfile)
    assert extra is not None
    assert re.search(rf"^{extra.group(1)} = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in {"migrate", "simulator"}])
def test_every_lasting_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_every_secret_that_is_asked_for_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert asked == set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_only_loopback_ports_are_published() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]


@pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="docker-compose is not on PATH (apt-get install docker-compose)"
)
def test_compose_itself_takes_the_file() -> None:
    done = subprocess.run(
        ["docker-compose", "-f", str(ROOT / "docker-compose.yml"), "config"],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **SECRETS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert json.dumps(yaml.safe_load(done.stdout)["services"]["ingest"]["command"]) == '["ingest"]'
