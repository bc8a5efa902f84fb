"""Where the broker is and what it wants to see of us, for every client: `mqtts://USER:PASSWORD@HOST:8883`, a CA."""

import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
# OpenSSL's numbers of what is wrong with a certificate (X509_V_ERR_…).
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNKNOWN_ISSUER: Final = frozenset({2, 18, 19, 20, 21})
_OTHER_NAME: Final = frozenset({62, 64})


class Client(Protocol):
    """What of an MQTT client is set before it connects (paho's has both)."""

    def tls_set_context(self, context: ssl.SSLContext | None = None) -> None:
        """Speak TLS."""

    def username_pw_set(self, username: str | None, password: str | None = None) -> None:
        """Say who it is."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker's address and what it wants to know of us.

    ca: a file of certificates in PEM, one of which has signed the broker's; None: those that this system trusts.
    """

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    @classmethod
    def parse(cls, url: str, ca: Path | None = None) -> "BrokerAddress":
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
            ca=ca,
        )

    def prepare(self, client: Client) -> None:
        """Give a client what the broker wants to see: TLS, user and password.

        Always verifies who the broker is. Raises ValueError, in one line, where the file of the CA cannot be used.
        """
        if self.tls:
            client.tls_set_context(tls_context(self.ca))
        if self.user is not None:
            client.username_pw_set(self.user, self.password)

    def why_unreachable(self, error: OSError) -> str:
        """What kept us from connecting, for whoever has to act: in one line, with what was expected."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._why_unverified(error)
        if isinstance(error, ssl.SSLError):
            reason = (getattr(error, "reason", None) or "no reason given").lower().replace("_", " ")
            return f"no TLS on port {self.port} ({reason}): expected the broker's TLS port, or mqtt:// for a plain one"
        return error.strerror or str(error) or type(error).__name__

    def why_refused(self, reason: object) -> str:
        """Why the broker did not let us in, with the name it knows us by. reason: its own word, from CONNACK."""
        whom = "no user: give one as mqtt://USER:PASSWORD@HOST" if self.user is None else f"user {self.user}"
        return f"refused: {str(reason).lower()}, {whom}"

    def _why_unverified(self, error: ssl.SSLCertVerificationError) -> str:
        code = error.verify_code
        if code == _EXPIRED:
            return (
                "the broker's certificate has expired: renew it (`sledwatch credentials renew`), or look at our clock"
            )
        if code == _NOT_YET_VALID:
            return "the broker's certificate is not valid yet: expected one that is; look at our clock and at its own"
        if code in _OTHER_NAME:
            return f"the broker's certificate is not for {self.host}: expected one that names it"
        if code in _UNKNOWN_ISSUER:
            whom = "a CA that this system trusts" if self.ca is None else f"the CA in {self.ca}"
            return (
                f"the broker's certificate is not signed by {whom}: SLEDWATCH_MQTT_CA names the file of the CA expected"
            )
        return f"the broker's certificate cannot be verified: {error.verify_message}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


@lru_cache
def tls_context(ca: Path | None) -> ssl.SSLContext:
    """How we verify a broker: by the CA in a file, else by those that this system trusts. The file is read once.

    Raises ValueError, in one line, where the file is absent or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise ValueError(f"{ca}: expected certificates in PEM") from None
    except OSError as error:
        raise ValueError(f"{ca}: {error.strerror}") from None


def _without_password(url: str) -> str:
    scheme, separator, rest = url.rpartition("@")
    return url if not separator else f"{scheme.split('//')[0]}//***@{rest}"
