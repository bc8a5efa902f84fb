"""`sledwatch doctor` as it is run: what it finds, what it says to do, and that it disturbs nobody."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from influx_server import InfluxServer
from shipped_mosquitto import ShippedMosquitto, User, shipped
from sledwatch_storage.state.engine import begin, migrate, open_state
from sledwatch_storage.state.schema import machine
from waiting import eventually
from whole_line import SLEDWATCH, WholeLine, clean_environment

__all__ = ["shipped"]

TOKEN = "a-token-that-nobody-may-see"
MACHINE = "riverside/press-1"
needs_broker = pytest.mark.needs("mosquitto", "openssl")

Found = dict[str, dict[str, str]]


def doctor(directory: Path, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(SLEDWATCH), "doctor", *words],
        env=clean_environment(**settings),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def found(directory: Path, *words: str, **settings: str) -> Found:
    """The checks by name, of a doctor that came to an end."""
    done = doctor(directory, "--json", *words, **settings)
    assert "" == done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] == (done.returncode == 0)
    return {check["name"]: check for check in told["checks"]}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[WholeLine]:
    """A running `sledwatch up`."""
    with WholeLine(tmp_path_factory.mktemp("line") / "data", free_port, "--no-simulator") as running:
        yield running


def test_where_all_is_well_it_says_so(line: WholeLine) -> None:
    done = line.run("doctor", "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert (0, True) == (done.returncode, told["ok"])
    names = {"settings", "data", "state DB", "TLS", "broker", "hearing", "telling", "series", "API", "token", "clock"}
    assert dict.fromkeys(names, "ok") == {check["name"]: check["verdict"] for check in told["checks"]}


def test_it_is_read_by_people_too(line: WholeLine) -> None:
    done = line.run("doctor")
    assert 0 == done.returncode
    assert "✓ ok" in done.stdout
    assert "✗" not in done.stdout


def test_it_leaves_no_session_and_no_message_behind(line: WholeLine) -> None:
    before = line.get("/quarantine")["items"]
    line.run("doctor")
    assert before == line.get("/quarantine")["items"] == []


def test_another_token_than_the_apis_is_found(line: WholeLine) -> None:
    found_now = found(line.data.parent, DATA=str(line.data), URL=line.url, MQTT_URL=line.mqtt_url, API_TOKEN=TOKEN)
    assert "fail" == found_now["token"]["verdict"]
    assert "SLEDWATCH_API_TOKEN" in found_now["token"]["to_do"]


def test_an_empty_directory_is_told_what_to_run(tmp_path: Path) -> None:
    now = found(tmp_path)
    assert ("warn", "fail", "warn") == tuple(now[name]["verdict"] for name in ("data", "state DB", "API"))
    assert "`sledwatch migrate`" in now["state DB"]["to_do"]
    assert [] == list(tmp_path.iterdir())


def test_what_is_set_is_shown_and_secrets_are_not(tmp_path: Path) -> None:
    settings = {
        "API_TOKEN": TOKEN,
        "MQTT_URL": f"mqtt://ingest:{TOKEN}@127.0.0.1:1",
        "STATE_URL": f"postgresql+psycopg://u:p/{TOKEN}@127.0.0.1:1/x",
        "INFLUXDB_URL": "http://127.0.0.1:1",
        "INFLUXDB_TOKEN": TOKEN,
        "INFLUXDB_ORG": "gym",
        "INFLUXDB_BUCKET": "samples",
    }
    beside = settings | {"STATE_URL": f"postgresql+psycopg://127.0.0.1:1/x?user=u&password={TOKEN}"}
    for words, given in (([], settings), (["--json"], beside)):
        done = doctor(tmp_path, *words, **given)
        assert 1 == done.returncode
        assert TOKEN not in done.stdout + done.stderr
    assert "SLEDWATCH_INFLUXDB_ORG=gym" in found(tmp_path, **settings)["settings"]["found"]


def test_a_setting_that_cannot_be_is_named(tmp_path: Path) -> None:
    now = found(tmp_path, HTTP_PORT="many")
    assert ["settings"] == list(now)
    assert "SLEDWATCH_HTTP_PORT" in now["settings"]["found"]


def test_a_misspelt_setting_is_put_right(tmp_path: Path) -> None:
    now = found(tmp_path, MQTT_URI="mqtt://h")
    assert ("warn", "did you mean SLEDWATCH_MQTT_URL?") == (now["settings"]["verdict"], now["settings"]["to_do"])


def test_tables_that_are_not_made_and_files_that_are_none_are_found(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    open_state(f"sqlite:///{data / 'state.db'}").dispose()
    (data / "series.db").write_text("a shopping list" * 500)
    now = found(tmp_path)
    assert ("fail", "run `sledwatch migrate`") == (now["state DB"]["verdict"], now["state DB"]["to_do"])
    assert ("fail", True) == (now["series"]["verdict"], "series.db" in now["series"]["found"])


def test_hosts_that_are_silent_are_given_up(tmp_path: Path) -> None:
    """They take the connection and say nothing, as behind some firewalls; each is told as such, and the end comes."""
    with ExitStack() as exits:
        ports = []
        for _ in range(3):
            silent = exits.enter_context(socket.socket())
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            ports.append(silent.getsockname()[1])
        now = found(
            tmp_path,
            MQTT_URL=f"mqtt://127.0.0.1:{ports[0]}",
            URL=f"http://127.0.0.1:{ports[1]}",
            INFLUXDB_URL=f"http://127.0.0.1:{ports[2]}",
            INFLUXDB_TOKEN="t",
            INFLUXDB_ORG="o",
            INFLUXDB_BUCKET="b",
        )
    assert ["fail"] * 3 == [now[name]["verdict"] for name in ("broker", "API", "InfluxDB")]


def at(broker: ShippedMosquitto, service: str, *, tls: bool = False) -> dict[str, str]:
    return {"MQTT_URL": broker.url_of(service, tls=tls), "MQTT_CA": str(broker.ca)}


@needs_broker
@pytest.mark.parametrize(
    ("service", "may"), [("ingest", "`stored`, as ingest does"), ("analytics", "`limit`, as analytics does")]
)
def test_what_a_service_may_do_at_the_broker_is_tried(
    shipped: ShippedMosquitto, tmp_path: Path, service: str, may: str
) -> None:
    now = found(tmp_path, **at(shipped, service))
    assert {"ok"} == {now[name]["verdict"] for name in ("broker", "hearing", "telling", "TLS")}
    assert f"user {service} may tell machines {may}" == now["telling"]["found"]


@needs_broker
def test_who_may_not_do_a_services_work_is_told(shipped: ShippedMosquitto, tmp_path: Path) -> None:
    now = found(tmp_path, **at(shipped, "monitor"))
    assert ("ok", "fail") == (now["broker"]["verdict"], now["telling"]["verdict"])


@needs_broker
def test_a_subscription_that_is_granted_and_delivers_nothing_is_suspicious(
    shipped: ShippedMosquitto, tmp_path: Path
) -> None:
    """Mosquitto grants every subscription; but a machine that is known has left its State, which ingest would hear."""
    shipped.add(MACHINE)
    known_machine(tmp_path)
    press = eventually(lambda: let_in(User(shipped.of_machine(MACHINE)["url"], shipped.ca)))
    press.publish(f"sledwatch/v1/{MACHINE}/state", retain=True)
    press.leave()
    deaf, hearing = found(tmp_path, **at(shipped, "monitor")), found(tmp_path, **at(shipped, "ingest"))
    assert ("warn", "ok") == (deaf["hearing"]["verdict"], hearing["hearing"]["verdict"])
    assert "ACL" in deaf["hearing"]["to_do"]
    assert "1 of 1 known" in hearing["hearing"]["found"]


def let_in(user: User) -> User | None:
    """None for one that the broker does not know yet."""
    if user.refused is None:
        return user
    user.leave()
    return None


def known_machine(directory: Path) -> None:
    """A state DB that has heard of one machine."""
    (directory / "data").mkdir()
    url = f"sqlite:///{directory / 'data' / 'state.db'}"
    migrate(url)
    state = open_state(url)
    with begin(state) as connection:
        connection.execute(machine.insert().values(gym="riverside", machine="press-1", seen_us=1))
    state.dispose()


@needs_broker
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"MQTT_URL": "mqtt://ingest:guessed@127.0.0.1:{port}"}, "refused: not authorized, user ingest"),
        ({"MQTT_URL": "mqtts://ingest:guessed@127.0.0.1:{tls_port}"}, "SLEDWATCH_MQTT_CA names"),
        ({"MQTT_URL": "mqtt://127.0.0.1:{port}"}, "no user: give one"),
    ],
)
def test_a_broker_that_does_not_let_us_in_is_told_with_the_reason(
    shipped: ShippedMosquitto, tmp_path: Path, settings: dict[str, str], expected: str
) -> None:
    ports = {"port": shipped.port, "tls_port": shipped.tls_port}
    now = found(tmp_path, **{name: value.format(**ports) for name, value in settings.items()})
    assert "fail" == now["broker"]["verdict"]
    assert expected in now["broker"]["found"]


@needs_broker
def test_by_tls_it_says_how_long_the_certificate_is_good(shipped: ShippedMosquitto, tmp_path: Path) -> None:
    now = found(tmp_path, **at(shipped, "analytics", tls=True))
    assert "ok" == now["TLS"]["verdict"]
    assert "for 396 more days" in now["TLS"]["found"]


@needs_broker
def test_the_session_of_ingest_is_left_as_it_is(shipped: ShippedMosquitto, tmp_path: Path) -> None:
    """Where the user name is the client id, we are given the very session that ingest left, and what waits in it."""
    frame = f"sledwatch/v1/{MACHINE}/frame"
    ingest = User(shipped.url_of("ingest", tls=True), shipped.ca, keeps_session=True)
    ingest.subscribe("sledwatch/v1/+/+/frame")
    ingest.leave()
    simulator = User(shipped.url)
    simulator.publish(frame, b"waits")
    simulator.leave()
    now = found(tmp_path, **at(shipped, "ingest", tls=True))
    back = User(shipped.url_of("ingest", tls=True), shipped.ca, keeps_session=True)
    eventually(lambda: back.heard)
    back.leave()
    assert ("warn", [(frame, b"waits")]) == (now["broker"]["verdict"], back.heard)


@pytest.mark.needs("influxd")
def test_buckets_are_made_at_its_word(influx_server: InfluxServer, tmp_path: Path) -> None:
    settings = {
        "INFLUXDB_URL": influx_server.url,
        "INFLUXDB_TOKEN": influx_server.token,
        "INFLUXDB_ORG": influx_server.org,
        "INFLUXDB_BUCKET": "made-by-the-doctor",
    }
    names = ("bucket made-by-the-doctor", "bucket made-by-the-doctor-derived")
    looks = [found(tmp_path, *words, **settings) for words in ([], ["--create"], [])]
    assert [("fail", "fail"), ("ok", "ok"), ("ok", "ok")] == [
        tuple(now[name]["verdict"] for name in names) for now in looks
    ]
    assert "for 90 days" in looks[2][names[0]]["found"]
