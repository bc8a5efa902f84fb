"""`sledwatch credentials`: the broker's CA, certificate and users, in a directory; no broker has to run."""

import grp
import pwd
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Optional

import typer

from sledwatch_app.errors import WrongUse

app = typer.Typer(
    no_args_is_help=True,
    help="Make the broker's CA, certificate, users and passwords; see `deploy/mosquitto`.",
    epilog="A running broker takes up what has changed on SIGHUP: [b]systemctl reload mosquitto[/b] · "
    "[b]docker compose kill -s HUP mosquitto[/b]",
)

DirectoryOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where they are kept.")]
HostOption = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer shows the type
    typer.Option(
        "--host",
        metavar="NAME",
        envvar="SLEDWATCH_BROKER_HOSTS",
        help="A name or address by which machines reach the broker; give it for each.",
    ),
]
MachinesArgument = Annotated[list[str], typer.Argument(metavar="GYM/MACHINE…", help="Machines.")]
DIRECTORY = Path("credentials")


def _password(name: str) -> typer.models.OptionInfo:
    # From the environment only: what stands on a command line, everybody on this machine can read.
    option: typer.models.OptionInfo = typer.Option(envvar=f"SLEDWATCH_{name.upper()}_PASSWORD", hidden=True)
    return option


@app.command(
    epilog="Examples: [b]sledwatch credentials init --host broker.gym.lan --host 192.168.1.10[/b] · "
    "[b]sudo sledwatch credentials init --dir /etc/mosquitto/credentials --host broker.gym.lan --broker-user "
    "mosquitto[/b]"
)
def init(
    host: HostOption = None,
    directory: DirectoryOption = DIRECTORY,
    broker_user: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="USER", help="Who the broker runs as, a name or UID[:GID]: may read `broker/`."),
    ] = None,
    ingest: Annotated[Optional[str], _password("ingest")] = None,  # noqa: UP045
    analytics: Annotated[Optional[str], _password("analytics")] = None,  # noqa: UP045
    simulator: Annotated[Optional[str], _password("simulator")] = None,  # noqa: UP045
    monitor: Annotated[Optional[str], _password("monitor")] = None,  # noqa: UP045
) -> None:
    """Make the CA, the broker's certificate and a user for each service; what is there stays.

    Passwords of services are taken from SLEDWATCH_INGEST_PASSWORD, …_ANALYTICS_…, …_SIMULATOR_… and …_MONITOR_…; one
    that is not set is made once, and kept in `services/`. A certificate that ends soon, or is for other names than
    those given, is made anew; a CA never.
    """
    from sledwatch_app.credentials import Credentials

    given = {"ingest": ingest, "analytics": analytics, "simulator": simulator, "monitor": monitor}
    passwords = {name: password for name, password in given.items() if password}
    owner = None if broker_user is None else _owner(broker_user)
    with Credentials.at(directory, make=True) as kept:
        for deed in kept.init(host or [], passwords, owner, datetime.now(UTC)):
            typer.echo(f"{deed.did:8}{deed.what}")


@app.command(epilog="Example: [b]sledwatch credentials add riverside/press-1 riverside/press-2[/b]")
def add(
    machines: MachinesArgument,
    directory: DirectoryOption = DIRECTORY,
    renew: Annotated[bool, typer.Option("--renew", help="A new password for those that have one.")] = False,
) -> None:
    """Give machines a user and a password, each in a file to put on the machine: machines/GYM.MACHINE.json."""
    from sledwatch_app.credentials import Credentials

    names = [_machine(text) for text in machines]
    with Credentials.at(directory) as kept:
        for deed in kept.add(names, renew=renew):
            typer.echo(f"{deed.did:8}{deed.what}")


@app.command(epilog="Example: [b]sledwatch credentials remove riverside/press-1[/b]")
def remove(machines: MachinesArgument, directory: DirectoryOption = DIRECTORY) -> None:
    """Take machines' users away; a running broker lets them go on SIGHUP."""
    from sledwatch_app.credentials import Credentials

    names = [_machine(text) for text in machines]
    with Credentials.at(directory) as kept:
        for deed in kept.remove(names):
            typer.echo(f"{deed.did:8}{deed.what}")


@app.command()
def show(
    machine: Annotated[str, typer.Argument(metavar="GYM/MACHINE", help="A machine.")],
    directory: DirectoryOption = DIRECTORY,
) -> None:
    """Print a machine's file: where the broker is, user, password, and the CA."""
    from sledwatch_app.credentials import Credentials

    with Credentials.at(directory) as kept:
        typer.echo(kept.machine(*_machine(machine)), nl=False)


@app.command("list")
def list_machines(directory: DirectoryOption = DIRECTORY) -> None:
    """List the machines that have a user, and how long the certificates last."""
    from sledwatch_app.credentials import Credentials

    now = datetime.now(UTC)
    with Credentials.at(directory) as kept:
        server, ca = kept.server(), kept.ca()
        typer.echo(f"broker  {', '.join(server.hosts)}: for {server.days_left(now)} days")
        typer.echo(f"ca      for {ca.days_left(now)} days")
        for name in kept.machines():
            typer.echo(f"machine {name}")


@app.command()
def renew(host: HostOption = None, directory: DirectoryOption = DIRECTORY) -> None:
    """Make the broker's certificate and key anew, for the same names where none are given."""
    from sledwatch_app.credentials import Credentials

    with Credentials.at(directory) as kept:
        for deed in kept.renew(host or [], datetime.now(UTC)):
            typer.echo(f"{deed.did:8}{deed.what}")


def _machine(text: str) -> tuple[str, str]:
    gym, separator, machine = text.partition("/")
    if not separator:
        raise WrongUse(f"{text!r}: expected GYM/MACHINE, such as riverside/press-1")
    return gym, machine


def _owner(text: str) -> tuple[int, int]:
    """User and group id of a name, or of UID[:GID]."""
    user, _, group = text.partition(":")
    if user.isdecimal() and (not group or group.isdecimal()):
        return int(user), int(group or user)
    try:
        known = pwd.getpwnam(user)
        return known.pw_uid, grp.getgrnam(group).gr_gid if group else known.pw_gid
    except KeyError:
        raise WrongUse(f"--broker-user {text!r}: no such user on this machine; expected a name, or UID:GID") from None
