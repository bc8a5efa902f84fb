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

from sledwatch.address import BrokerAddress
from sledwatch_app.broker_acl import SERVICES as SERVICE_USERS
from sledwatch_app.broker_acl import acl
from sledwatch_app.cli import app
from sledwatch_app.settings import Settings, load

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SECRETS = {
    name: f"secret-of-{name.lower()}"
    for name in (
        "SLEDWATCH_BROKER_HOSTS",
        "SLEDWATCH_INGEST_PASSWORD",
        "SLEDWATCH_ANALYTICS_PASSWORD",
        "SLEDWATCH_SIMULATOR_PASSWORD",
        "SLEDWATCH_MONITOR_PASSWORD",
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


def command(service: dict[str, Any]) -> Any:
    """The command of ours that a service runs. KeyError where there is none."""
    words = [*service.get("entrypoint", ["sledwatch"])[1:], *service["command"]]
    found: Any = typer.main.get_group(app)
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
    return found


@pytest.mark.parametrize("name", OURS)
def test_every_setting_of_a_service_is_one_that_is_read(name: str) -> None:
    known = {f"SLEDWATCH_{field.upper()}" for field in Settings.model_fields}
    known |= {str(parameter.envvar) for parameter in command(OURS[name]).params if getattr(parameter, "envvar", None)}
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
    assert command(OURS[name]).callback is not None


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


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in {"credentials", "migrate", "simulator"}])
def test_every_lasting_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_every_secret_that_is_asked_for_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert asked == set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_only_loopback_and_the_machines_tls_listener_are_published() -> None:
    ports = [(name, port) for name, service in SERVICES.items() for port in service.get("ports", [])]
    assert [("mosquitto", "8883:8883")] == [(name, port) for name, port in ports if not port.startswith("127.0.0.1:")]


def test_the_listener_that_is_published_speaks_tls_and_ties_a_client_to_its_user() -> None:
    listeners = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text().split("\nlistener ")[1:]
    machines = next(block for block in listeners if block.startswith("8883\n"))
    assert re.search(r"^certfile \S+$", machines, re.MULTILINE)
    assert re.search(r"^keyfile \S+$", machines, re.MULTILINE)
    assert re.search(r"^use_username_as_clientid true$", machines, re.MULTILINE)


def test_what_the_broker_reads_is_mounted_and_there() -> None:
    configuration = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text()
    read = re.findall(r"^\w+ (/mosquitto/\S+)$", configuration, re.MULTILINE)
    mounts = [volume.split(":") for volume in SERVICES["mosquitto"]["volumes"]]
    assert [] == [path for path in read if not any(path.startswith(target) for _, target, *_ in mounts)]
    shipped = [source for source, *_ in mounts if source.startswith("./") and not source.endswith("/broker")]
    assert [] == [source for source in shipped if not (ROOT / source).is_file()]


def test_each_service_is_a_user_of_its_own_whom_the_acl_knows() -> None:
    users = {
        name: BrokerAddress.parse(environment(service)["SLEDWATCH_MQTT_URL"]).user
        for name, service in OURS.items()
        if "SLEDWATCH_MQTT_URL" in service.get("environment", {})
    }
    known = re.findall(r"^user (\w+)$", acl([]), re.MULTILINE)
    assert {name: name for name in ("ingest", "analytics", "simulator")} == users
    assert set(SERVICE_USERS) == set(known)


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
