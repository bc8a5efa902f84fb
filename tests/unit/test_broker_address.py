"""Reading a broker's address."""

import ssl
from pathlib import Path

import pytest

from sledwatch.address import BrokerAddress, tls_context


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://localhost", BrokerAddress("localhost", 1883)),
        ("mqtt://127.0.0.1:18830/", BrokerAddress("127.0.0.1", 18830)),
        ("mqtts://broker.gym", BrokerAddress("broker.gym", 8883, tls=True)),
        ("mqtt://ingest:s%40lt@broker", BrokerAddress("broker", 1883, user="ingest", password="s@lt")),
        ("mqtt://[::1]:1884", BrokerAddress("::1", 1884)),
    ],
)
def test_an_address_is_read(url: str, address: BrokerAddress) -> None:
    assert address == BrokerAddress.parse(url)


@pytest.mark.parametrize(
    "url", ["localhost:1883", "http://localhost", "mqtt://", "mqtt://host:99999", "mqtt://host/path", ""]
)
def test_anything_else_is_refused_with_what_was_expected(url: str) -> None:
    with pytest.raises(ValueError, match=r"mqtt://HOST:PORT"):
        BrokerAddress.parse(url)


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(ValueError, match=r"\*\*\*@host") as refusal:
        BrokerAddress.parse("mqtt://user:secret@host/path")
    assert "secret" not in str(refusal.value)
    assert "secret" not in repr(BrokerAddress.parse("mqtt://user:secret@host"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError("timed out"), "timed out"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] (_ssl.c:1)"), "no TLS on port 8883 (no reason given): expected"),
    ],
)
def test_what_kept_us_from_connecting_is_one_plain_line(error: OSError, said: str) -> None:
    assert BrokerAddress.parse("mqtts://broker.gym").why_unreachable(error).startswith(said)


def test_a_refusal_names_the_user_and_no_password() -> None:
    known, nobody = BrokerAddress.parse("mqtt://ingest:secret@h"), BrokerAddress.parse("mqtt://h")
    assert "refused: not authorized, user ingest" == known.why_refused("Not authorized")
    assert "refused: not authorized, no user: give one as mqtt://USER:PASSWORD@HOST" == nobody.why_refused(
        "Not authorized"
    )


def test_an_address_is_told_without_user_and_password() -> None:
    assert "mqtts://[::1]:8883" == str(BrokerAddress.parse("mqtts://ingest:secret@[::1]"))


def test_a_ca_that_is_none_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(ValueError, match=r"ca.crt: expected certificates in PEM"):
        tls_context(tmp_path / "ca.crt")
    with pytest.raises(ValueError, match=r"absent.crt: No such file"):
        tls_context(tmp_path / "absent.crt")
