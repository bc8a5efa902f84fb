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
        """Read a URL. Raises ValueError, saying what was expected, and never a password."""
        expected = "expected mqtt://HOST:PORT, or mqtts:// for TLS"
        refusal = f"{_without_password(url)!r} is no address of a broker: {expected}"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            # What is said of a port may quote a password that holds a "/" or "#".
            raise ValueError(refusal) from None
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise ValueError(refusal)
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
