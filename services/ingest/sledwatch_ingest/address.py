"""Where the broker is: `mqtt://user:password@host:1883`, or `mqtts://` for TLS."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker's address and what it wants to know of us."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """Read a URL. Raises ValueError, saying what was expected."""
        expected = "expected mqtt://HOST:PORT, or mqtts:// for TLS"
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise ValueError(f"{_without_password(url)!r} is no address of a broker: {expected}")
        try:
            port = parts.port
        except ValueError as error:
            raise ValueError(f"{_without_password(url)!r}: {error}; {expected}") from error
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


def _without_password(url: str) -> str:
    scheme, separator, rest = url.rpartition("@")
    return url if not separator else f"{scheme.split('//')[0]}//***@{rest}"
