"""What the broker's users are known by, and what they may do: a CA, a certificate, passwords and an ACL.

All of it lies in one directory, of which the broker sees `broker/` only:

    ca.crt                    the CA's certificate, for every client
    ca/ca.key                 its key; keep it away from the broker
    broker/passwords          users and hashes, as Mosquitto reads them
    broker/acl                what each user may say and hear
    broker/server.crt, .key   the broker's certificate and key
    services/NAME.env         a service's SLEDWATCH_MQTT_URL, where its password was made here
    machines/GYM.MACHINE.json what a machine needs to connect
    acl.local                 lines of one's own for the ACL, if there are any

What is there already stays. A file belongs to the owner of its directory, so that a broker that runs as a user of its
own reads what an administrator writes. No broker has to run; one that does reads these files again on SIGHUP.
"""

import base64
import binascii
import fcntl
import hashlib
import hmac
import ipaddress
import json
import os
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sledwatch.events import ROOT, is_name
from sledwatch_app.broker_acl import SERVICES, acl
from sledwatch_app.errors import Failed, WrongUse

# A certificate with fewer days left than this is made anew at the next occasion.
RENEW_BELOW_DAYS: Final = 30
TLS_PORT: Final = 8883
PLAIN_PORT: Final = 1883

_CA_DAYS: Final = 3650
# Clients of some makers refuse certificates that are valid for longer.
_SERVER_DAYS: Final = 397
# As mosquitto_passwd does it; a password of 192 random bits needs no slow hash.
_ITERATIONS: Final = 101
_SALT_BYTES: Final = 12
_PASSWORD_BYTES: Final = 24
_CA_REQUEST: Final = """\
[req]
distinguished_name=who
x509_extensions=says
prompt=no
[who]
O=Sledwatch
CN={name}
[says]
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
"""
_SERVER_REQUEST: Final = """\
[req]
distinguished_name=who
prompt=no
[who]
O=Sledwatch
CN=broker
[says]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName={names}
"""
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says: the names and addresses it is for, and when it ends."""

    hosts: tuple[str, ...]
    ends: datetime

    def days_left(self, now: datetime) -> int:
        """Whole days until it ends; negative when it has."""
        return (self.ends - now).days


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done or found done. what: the file or user; did: made, renewed, changed, kept or removed."""

    did: str
    what: str


class Credentials:
    """The credentials in a directory. Use it within `with Credentials.at(directory)`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ca_certificate = directory / "ca.crt"
        self._ca_key = directory / "ca" / "ca.key"
        self._broker = directory / "broker"
        self._server_certificate = self._broker / "server.crt"
        self._server_key = self._broker / "server.key"
        self._passwords = self._broker / "passwords"
        self._acl = self._broker / "acl"

    @classmethod
    @contextmanager
    def at(cls, directory: Path, *, make: bool = False) -> Iterator["Credentials"]:
        """Hold the directory for oneself; another run waits.

        make: make the directory where it is absent. Raises WrongUse where it is absent or cannot be used.
        """
        try:
            if make:
                _make_directory(directory, 0o755)
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            raise WrongUse(f"{directory}: no credentials there yet: run `sledwatch credentials init`") from None
        except OSError as error:
            raise WrongUse(f"{directory}: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield cls(directory)
        except OSError as error:
            raise WrongUse(f"{error.filename or directory}: {error.strerror}") from None
        finally:
            os.close(handle)

    def init(
        self, hosts: Sequence[str], passwords: Mapping[str, str], owner: tuple[int, int] | None, now: datetime
    ) -> list[Deed]:
        """Make what is absent: the CA, the broker's certificate, a user for each service.

        hosts: names and addresses by which machines reach the broker; none: those of the present certificate.
        passwords: of services, by name; one that is absent is made and written to services/NAME.env. owner: user and
        group that `broker/` belongs to. Raises WrongUse and Failed.
        """
        if not hosts and not self._server_certificate.exists():
            raise WrongUse("give the names or addresses by which machines reach the broker: --host broker.gym.lan")
        for host in hosts:
            _require_host(host)
        for name, password in passwords.items():
            if len(password) < 16 or not password.isprintable():
                raise WrongUse(
                    f"the password of {name}: expected 16 printable characters or more (openssl rand -hex 24)"
                )
        for directory, mode in ((self._ca_key.parent, 0o700), (self._broker, 0o750)):
            _make_directory(directory, mode)
        if owner is not None:
            for path in (self._broker, *self._broker.iterdir()):
                _give(path, owner)
        deeds = [self._make_ca(now), self._make_server_certificate(hosts, now)]
        return [*deeds, *(self._set_service(name, passwords.get(name)) for name in SERVICES), self._write_acl()]

    def renew(self, hosts: Sequence[str], now: datetime) -> list[Deed]:
        """Make the broker's certificate and key anew. hosts: as `init`. Raises WrongUse and Failed."""
        for host in hosts:
            _require_host(host)
        names = tuple(hosts) or self.server().hosts
        return [self._sign_server(names, now, "renewed")]

    def add(self, machines: Sequence[tuple[str, str]], *, renew: bool = False) -> list[Deed]:
        """Give machines, as gym and name, a user and a password each. renew: a new password for those that have one.

        Raises WrongUse for a name that is none, before anything is done.
        """
        for gym, machine in machines:
            if not (is_name(gym) and is_name(machine)):
                raise WrongUse(
                    f"{gym}/{machine}: expected GYM/MACHINE of lower-case letters, digits, - and _, at most 64"
                )
        host = self.server().hosts[0]
        deeds = [self._add(gym, machine, host, renew=renew) for gym, machine in machines]
        self._write_acl()
        return deeds

    def remove(self, machines: Sequence[tuple[str, str]]) -> list[Deed]:
        """Take machines' users away. Raises WrongUse, and does nothing, where one of them is unknown."""
        lines = self._users()
        absent = [f"{gym}/{machine}" for gym, machine in machines if f"{gym}/{machine}" not in lines]
        if absent:
            raise WrongUse(f"{', '.join(absent)}: no such machine here (`sledwatch credentials list` shows them)")
        for gym, machine in machines:
            del lines[f"{gym}/{machine}"]
        self._write_users(lines)
        self._write_acl()
        for gym, machine in machines:
            self._machine_file(gym, machine).unlink(missing_ok=True)
        return [Deed("removed", f"{gym}/{machine}") for gym, machine in machines]

    def machine(self, gym: str, machine: str) -> str:
        """The file of a machine, as text. Raises WrongUse where there is none."""
        try:
            return self._machine_file(gym, machine).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise WrongUse(f"{gym}/{machine}: no such machine here (`sledwatch credentials list` shows them)") from None

    def machines(self) -> list[str]:
        """The users that are machines, in order."""
        pairs = ((user, user.partition("/")) for user in self._users())
        return sorted(user for user, (gym, _, machine) in pairs if is_name(gym) and is_name(machine))

    def ca(self) -> Certificate:
        """What the CA's certificate says. Raises WrongUse where there is none."""
        return self._read_certificate(self._ca_certificate)

    def server(self) -> Certificate:
        """What the broker's certificate says. Raises WrongUse where there is none."""
        return self._read_certificate(self._server_certificate)

    def _make_ca(self, now: datetime) -> Deed:
        if self._ca_certificate.exists():
            left = self.ca().days_left(now)
            if left < RENEW_BELOW_DAYS:
                raise Failed(
                    f"{self._ca_certificate} ends in {left} days: move it and {self._ca_key} away, run this again, and "
                    "put the new one on every machine"
                )
            return Deed("kept", f"{self._ca_certificate}, for {left} days")
        if self._ca_key.exists():
            raise WrongUse(
                f"{self._ca_key} is there without {self._ca_certificate}: bring that back, or move both away"
            )
        with tempfile.TemporaryDirectory() as place:
            key, certificate, about = (Path(place, name) for name in ("key", "crt", "about"))
            _make_key(key)
            about.write_text(_CA_REQUEST.format(name=f"Sledwatch CA {now:%Y-%m-%d}"), encoding="ascii")
            _openssl(
                "req", "-x509", "-new", "-config", str(about), "-key", str(key), "-out", str(certificate),
                "-days", str(_CA_DAYS), "-sha256",
            )  # fmt: skip
            _write(self._ca_key, key.read_bytes(), 0o600)
            _write(self._ca_certificate, certificate.read_bytes(), 0o644)
        return Deed("made", str(self._ca_certificate))

    def _make_server_certificate(self, hosts: Sequence[str], now: datetime) -> Deed:
        if not self._server_certificate.exists() or not self._server_key.exists():
            return self._sign_server(tuple(hosts) or self.server().hosts, now, "made")
        known = self.server()
        left = known.days_left(now)
        if (hosts and set(hosts) != set(known.hosts)) or left < RENEW_BELOW_DAYS or not self._signed_by_ca():
            return self._sign_server(tuple(hosts) or known.hosts, now, "renewed")
        return Deed("kept", f"{self._server_certificate} for {', '.join(known.hosts)}, for {left} days")

    def _sign_server(self, hosts: Sequence[str], now: datetime, did: str) -> Deed:
        if not self._ca_key.exists():
            raise WrongUse(f"{self._ca_key} is not there: bring the CA's key back for as long as it takes to sign")
        names = ",".join(f"{'IP' if _is_address(host) else 'DNS'}:{host}" for host in hosts)
        days = min(_SERVER_DAYS, self.ca().days_left(now))
        with tempfile.TemporaryDirectory() as place:
            key, request, certificate, about = (Path(place, name) for name in ("key", "csr", "crt", "about"))
            _make_key(key)
            about.write_text(_SERVER_REQUEST.format(names=names), encoding="ascii")
            _openssl("req", "-new", "-config", str(about), "-key", str(key), "-out", str(request))
            _openssl(
                "x509", "-req", "-in", str(request), "-CA", str(self._ca_certificate), "-CAkey", str(self._ca_key),
                "-set_serial", f"0x{secrets.randbits(127) | 1 << 126:x}", "-days", str(days), "-sha256",
                "-extfile", str(about), "-extensions", "says", "-out", str(certificate),
            )  # fmt: skip
            _write(self._server_key, key.read_bytes(), 0o600)
            _write(self._server_certificate, certificate.read_bytes(), 0o644)
        return Deed(did, f"{self._server_certificate} for {', '.join(hosts)}")

    def _signed_by_ca(self) -> bool:
        words = ["verify", "-CAfile", str(self._ca_certificate), "-no_check_time", str(self._server_certificate)]
        return _run(*words).returncode == 0

    def _set_service(self, name: str, password: str | None) -> Deed:
        lines = self._users()
        line = lines.get(name)
        path = self._directory / "services" / f"{name}.env"
        if password is None:
            if line is not None:
                return Deed("kept", f"user {name}")
            password = secrets.token_hex(_PASSWORD_BYTES)
            _make_directory(path.parent, 0o700)
            url = f"mqtt://{name}:{password}@127.0.0.1:{PLAIN_PORT}"
            _write(path, f"SLEDWATCH_MQTT_URL={url}\n".encode(), 0o600)
            deed = Deed("made", f"user {name}: {path}")
        elif line is not None and _matches(line, password):
            return Deed("kept", f"user {name}")
        else:
            path.unlink(missing_ok=True)
            deed = Deed("made" if line is None else "changed", f"user {name}")
        lines[name] = _line(name, password)
        self._write_users(lines)
        return deed

    def _add(self, gym: str, machine: str, host: str, *, renew: bool) -> Deed:
        user = f"{gym}/{machine}"
        lines = self._users()
        path = self._machine_file(gym, machine)
        if user in lines and not renew:
            return Deed("kept", f"{user}: {path}" if path.exists() else f"{user}: its file is gone, its password holds")
        password = secrets.token_hex(_PASSWORD_BYTES)
        told = {
            "host": host,
            "port": TLS_PORT,
            "user": user,
            "password": password,
            "url": f"mqtts://{quote(user, safe='')}:{password}@{f'[{host}]' if ':' in host else host}:{TLS_PORT}",
            "topic": f"{ROOT}/{user}",
            "ca": self._ca_certificate.read_text(encoding="ascii"),
        }
        _make_directory(path.parent, 0o700)
        _write(path, (json.dumps(told, indent=1) + "\n").encode(), 0o600)
        did = "changed" if user in lines else "made"
        lines[user] = _line(user, password)
        self._write_users(lines)
        return Deed(did, f"{user}: {path}")

    def _machine_file(self, gym: str, machine: str) -> Path:
        return self._directory / "machines" / f"{gym}.{machine}.json"

    def _users(self) -> dict[str, str]:
        """The lines of the password file by user; those of others are kept as they are."""
        try:
            text = self._passwords.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        return {line.partition(":")[0]: line for line in text.splitlines() if line}

    def _write_users(self, lines: Mapping[str, str]) -> None:
        _write(self._passwords, "".join(f"{line}\n" for line in lines.values()).encode(), 0o600)

    def _write_acl(self) -> Deed:
        own = self._directory / "acl.local"
        text = acl(self.machines(), own.read_text(encoding="utf-8") if own.exists() else "").encode()
        known = self._acl.read_bytes() if self._acl.exists() else None
        if known == text:
            return Deed("kept", str(self._acl))
        _write(self._acl, text, 0o600)
        return Deed("made" if known is None else "changed", str(self._acl))

    def _read_certificate(self, path: Path) -> Certificate:
        if not path.exists():
            raise WrongUse(f"{path}: not made yet: run `sledwatch credentials init`")
        said = _openssl("x509", "-in", str(path), "-noout", "-enddate", "-ext", "subjectAltName")
        end = re.search(r"^notAfter=(.+)$", said, re.MULTILINE)
        if end is None:
            raise Failed(f"{path}: openssl does not say when it ends")
        hosts = re.findall(r"(?:DNS|IP Address):([^,\s]+)", said)
        ends = datetime.strptime(end.group(1), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
        return Certificate(tuple(_short(host) for host in hosts), ends)


def _require_host(host: str) -> None:
    if not (_is_address(host) or _HOST.fullmatch(host)):
        raise WrongUse(f"--host {host!r}: expected a name such as broker.gym.lan, or an address")


def _is_address(host: str) -> bool:
    try:
        # Its scope would be one of this machine's links, of any characters, and no certificate holds one.
        return "%" not in str(ipaddress.ip_address(host))
    except ValueError:
        return False


def _short(host: str) -> str:
    """As it was given: openssl writes addresses of IPv6 at full length."""
    return str(ipaddress.ip_address(host)) if _is_address(host) else host


def _line(user: str, password: str) -> str:
    """A line of Mosquitto's password file: PBKDF2 with SHA-512, which 2.0.0 and newer read."""
    salt = secrets.token_bytes(_SALT_BYTES)
    parts = (salt, hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS))
    return f"{user}:$7${_ITERATIONS}$" + "$".join(base64.b64encode(part).decode() for part in parts)


def _matches(line: str, password: str) -> bool:
    """Whether a line of the password file is for this password; one of another kind is for none."""
    fields = line.partition(":")[2].split("$")
    try:
        _, kind, iterations, salt, digest = fields
        made = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations))
        return kind == "7" and hmac.compare_digest(made, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False


def _make_key(path: Path) -> None:
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path))


def _openssl(*words: str) -> str:
    done = _run(*words)
    if done.returncode != 0:
        raise Failed(f"openssl {words[0]}: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("openssl")
    if program is None:
        raise WrongUse("openssl is not on PATH: install it (apt-get install openssl)")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)  # noqa: S603 - our own words


def _make_directory(path: Path, mode: int) -> None:
    if path.is_dir():
        return
    path.mkdir(mode, parents=True)
    path.chmod(mode)
    _give(path, _owner_of(path.parent))


def _write(path: Path, content: bytes, mode: int) -> None:
    """Put a file in its place at once, so that nobody reads half of it, owned by the owner of its directory."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
        _give(Path(name), _owner_of(path.parent))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _owner_of(path: Path) -> tuple[int, int]:
    known = path.stat()
    return known.st_uid, known.st_gid


def _give(path: Path, owner: tuple[int, int]) -> None:
    """Raises WrongUse where that is not ours to do."""
    known = path.stat(follow_symlinks=False)
    if owner == (known.st_uid, known.st_gid):
        return
    try:
        os.chown(path, *owner)
    except PermissionError:
        if stat.S_ISREG(known.st_mode) and os.geteuid() == owner[0]:
            return
        raise WrongUse(f"{path}: only root can give it to user {owner[0]}: run this as root (sudo)") from None
