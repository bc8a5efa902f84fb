"""Reading a broker's address."""

import pytest

from sledwatch.address import BrokerAddress


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
