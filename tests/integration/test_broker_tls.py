"""Every client of ours against a broker with TLS and passwords: what works, and what is said where it does not."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from structlog.testing import capture_logs

from ingest_running import Stores, running_ingest, stores
from shipped_mosquitto import ShippedMosquitto, shipped
from sledwatch.address import BrokerAddress
from sledwatch_analytics.live import Link
from waiting import eventually
from whole_line import SLEDWATCH, clean_environment

__all__ = ["shipped", "stores"]

pytestmark = pytest.mark.needs("mosquitto", "openssl")

MACHINE = "riverside/press-1"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of a sled at rest."""
    path = tmp_path_factory.mktemp("recording") / "rest.csv"
    rows = "".join(f"{n * 20_000},{n % 7}.0,100\n" for n in range(500))
    path.write_text(f"t_us,depth_mm,load_kg\n{rows}")
    return path


def replay(recording: Path, url: str, ca: Path | None) -> "subprocess.CompletedProcess[str]":
    """`sledwatch replay` as a machine's own program would run."""
    settings = {"MQTT_URL": url, "URL": "http://127.0.0.1:1", **({} if ca is None else {"MQTT_CA": str(ca)})}
    words = [str(SLEDWATCH), "replay", str(recording), "--gym", "riverside", "--machine", "press-1", "--user", "m-1"]
    return subprocess.run(
        words,
        env=clean_environment(**settings),
        cwd=recording.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("tls", [False, True])
def test_what_a_machine_sends_by_tls_is_stored_and_it_is_told(
    shipped: ShippedMosquitto, stores: Stores, recording: Path, tls: bool
) -> None:
    """Replay ends when all is `stored`; ingest is its own user, beside the broker or by TLS too."""
    shipped.add(MACHINE)
    with running_ingest(shipped.url_of("ingest", tls=tls), stores.series, stores.state, mqtt_ca=shipped.ca):
        done = replay(recording, shipped.of_machine(MACHINE)["url"], shipped.ca)
    assert (0, 1) == (done.returncode, done.stdout.count("\n")), done.stderr
    assert (10, 500) == stores.counts()


def expired(shipped: ShippedMosquitto) -> None:
    """Give the broker a certificate that has ended."""
    at = shipped.credentials
    server, request, says = at / "broker" / "server.crt", at / "expired.csr", at / "says"
    says.write_text("subjectAltName=IP:127.0.0.1\n")
    key = at / "broker" / "server.key"
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=broker", "-out", request], check=True)
    sign = ["openssl", "x509", "-req", "-in", request, "-CA", shipped.ca, "-CAkey", at / "ca" / "ca.key"]
    subprocess.run(
        [*sign, "-days", "-1", "-extfile", says, "-out", server, "-CAcreateserial"], check=True, capture_output=True
    )


def why(address: BrokerAddress) -> str:
    """What keeps a connection from coming about; nothing where it does."""
    client = Client(CallbackAPIVersion.VERSION2)
    address.prepare(client)
    try:
        client.connect(address.host, address.port)
    except OSError as error:
        return address.why_unreachable(error)
    client.disconnect()
    return ""


def ours(shipped: ShippedMosquitto) -> BrokerAddress:
    """The broker's TLS listener, with its CA."""
    return BrokerAddress.parse(f"mqtts://127.0.0.1:{shipped.tls_port}", shipped.ca)


def test_a_broker_of_another_ca_is_told_from_ours(shipped: ShippedMosquitto, tmp_path: Path) -> None:
    url = f"mqtts://127.0.0.1:{shipped.tls_port}"
    other = tmp_path / "other.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-keyout", tmp_path / "key",
         "-out", other],
        check=True, capture_output=True,
    )  # fmt: skip
    assert (
        f"the broker's certificate is not signed by the CA in {other}: "
        "SLEDWATCH_MQTT_CA names the file of the CA expected"
    ) == why(BrokerAddress.parse(url, other))
    assert "not signed by a CA that this system trusts" in why(BrokerAddress.parse(url))


def test_a_certificate_for_another_name_is_refused(shipped: ShippedMosquitto) -> None:
    shipped.renew("broker.gym.lan")
    eventually(lambda: why(ours(shipped)) != "")
    assert "the broker's certificate is not for 127.0.0.1: expected one that names it" == why(ours(shipped))


def test_a_certificate_that_has_ended_is_refused(shipped: ShippedMosquitto) -> None:
    expired(shipped)
    shipped.stop()
    shipped.start()
    said = why(ours(shipped))
    assert said.startswith("the broker's certificate has expired: renew it (`sledwatch credentials renew`)")


def test_a_port_without_tls_says_so(shipped: ShippedMosquitto) -> None:
    said = why(BrokerAddress.parse(f"mqtts://127.0.0.1:{shipped.port}", shipped.ca))
    assert said
    assert "_ssl.c" not in said


def test_a_renewed_certificate_is_taken_up_by_the_running_broker(shipped: ShippedMosquitto) -> None:
    expired(shipped)
    shipped.reload()
    eventually(lambda: "expired" in why(ours(shipped)))
    shipped.renew()
    eventually(lambda: why(ours(shipped)) == "")


def test_replay_says_that_the_password_is_wrong(shipped: ShippedMosquitto, recording: Path) -> None:
    done = replay(recording, f"mqtts://riverside%2Fpress-1:guessed@127.0.0.1:{shipped.tls_port}", shipped.ca)
    assert (1, 1) == (done.returncode, done.stderr.count("\n"))
    assert "refused: not authorized, user riverside/press-1" in done.stderr
    assert "guessed" not in done.stderr


def test_a_ca_that_is_none_is_named_with_its_setting(recording: Path) -> None:
    done = replay(recording, "mqtts://127.0.0.1:1", recording)
    expected = f"sledwatch: SLEDWATCH_MQTT_CA: {recording}: expected certificates in PEM"
    assert (2, expected) == (done.returncode, done.stderr.partition(" (given")[0].strip())


def test_ingest_says_that_it_is_refused_and_comes_in_once_it_may(shipped: ShippedMosquitto, stores: Stores) -> None:
    with capture_logs() as logs:
        url = shipped.url_of("ingest").replace(shipped.passwords["ingest"], "another-password")
        with running_ingest(url, stores.series, stores.state, until_subscribed=False):
            eventually(lambda: refusals(logs, "broker.refused") >= 2)
            shipped.set_password("ingest", "another-password")
            eventually(lambda: bool(stores.beat().get("subscribed")))
    assert {"refused: not authorized, user ingest"} == {
        line["reason"] for line in logs if line["event"] == "broker.refused"
    }


def refusals(logs: list[dict[str, object]], event: str) -> int:
    """How often it was said."""
    return sum(line["event"] == event for line in list(logs))


@pytest.fixture
def link(shipped: ShippedMosquitto) -> Iterator[Callable[[str], Link]]:
    """Runs analytics' connection, and ends it."""
    running: list[tuple[Link, threading.Thread]] = []

    def run(url: str) -> Link:
        made = Link(url, "sledwatch-live-test", shipped.ca)
        thread = threading.Thread(target=made.run, args=(threading.Event(), lambda *_: None))
        running.append((made, thread))
        thread.start()
        return made

    yield run
    for made, thread in running:
        made.close()
        thread.join(10)


def test_analytics_follows_by_tls(shipped: ShippedMosquitto, link: Callable[[str], Link]) -> None:
    made = link(shipped.url_of("analytics", tls=True))
    eventually(lambda: made.following)
    assert made.publish_confirmed("sledwatch/v1/riverside/alert", b"{}", 10)


def test_analytics_says_that_it_is_refused(shipped: ShippedMosquitto, link: Callable[[str], Link]) -> None:
    with capture_logs() as logs:
        link(shipped.url_of("analytics").replace(":password-of-analytics@", ":guessed@"))
        eventually(lambda: refusals(logs, "live.broker_refused"))
    assert "refused: not authorized, user analytics" in {line.get("reason") for line in logs}
