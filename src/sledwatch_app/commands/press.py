"""`sledwatch press`: one machine worked by hand, for developers."""

import os
import sys
from collections import deque
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.console import Console

from sledwatch_app.commands.options import MqttUrlOption
from sledwatch_app.errors import Failed, WrongUse
from sledwatch_app.settings import Settings, load

if TYPE_CHECKING:
    from sledwatch_sim.by_hand import Account, ByHandConfig, Step
    from sledwatch_sim.equipment.models import Press

app = typer.Typer()

_LONGEST_FRAME_S = 10.0
_SHORTEST_FRAME_S = 0.1

_HELP = """\
Work one leg press by hand, with keys: it speaks to the broker as any machine does.

[b]b[/b] badges in and out, [b]space[/b] does a rep, [b]↓ ↑[/b] (or j k) lower and push by hand, [b]d s[/b] make reps \
deeper or less deep, [b]\\[ ][/b] faster or slower, [b]+ -[/b] change the plates, [b]n N[/b] the seat, [b]u[/b] the \
user, [b]c[/b] cuts the cable and mends it, [b]r[/b] switches it off and on, [b]q[/b] ends: sled racked, badge out, \
everything delivered.

Without a terminal, or with --keys, it follows a script: words between blanks, one after the other is done. The keys \
above (rep for space), or: badge rep down up deeper shallower target=MM faster slower tempo=SECONDS more less load=KG \
notch=N user=NAME cable reboot wait=SECONDS limit stored quit. 3*rep is three reps; limit waits until the machine was \
told one (or that there is none), stored until all is stored; # begins a remark.
"""


@app.command(
    help=_HELP,
    epilog='Examples: [b]sledwatch press --limit-mm 400[/b] · [b]echo "b 3*rep d d rep b q" | sledwatch press --keys '
    "-[/b]. Prints the session ids.",
)
def press(
    gym: Annotated[str, typer.Option(metavar="NAME", help="Where the machine stands.")] = "workshop",
    machine: Annotated[str, typer.Option(metavar="NAME", help="Its name, which nobody else may have.")] = "by-hand",
    user: Annotated[str, typer.Option(metavar="NAME", help="Who badges in.")] = "dev",
    model: Annotated[
        str, typer.Option(metavar="NAME", help="LP-45 | LP-35 | SP-200 | SP-90 | XP-180 | XP-25.")
    ] = "LP-45",
    rate_hz: Annotated[float, typer.Option(metavar="HZ", help="Samples a second, 10 to 1000.")] = 50.0,
    frame_s: Annotated[float, typer.Option(metavar="SECONDS", help="How long a frame is, 0.1 to 10.")] = 1.0,
    load_kg: Annotated[
        Optional[float],  # noqa: UP045 - Typer shows the type
        typer.Option(metavar="KG", help="What moves, sled and plates.", show_default="the empty sled and 60"),
    ] = None,
    limit_mm: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(metavar="MM", help="First set the user's depth limit here, through the API at SLEDWATCH_URL."),
    ] = None,
    keys: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="SCRIPT", help="What to do, instead of keys in a terminal; - reads it from stdin."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another noise of the sensor.")] = 1,
    mqtt_url: MqttUrlOption = None,
) -> None:
    from sledwatch.address import BrokerAddress
    from sledwatch_app import logs, wiring
    from sledwatch_sim.by_hand import ByHandConfig, ByHandError, Window, work

    settings = load(mqtt_url=mqtt_url)
    by_hand = ByHandConfig(
        broker=BrokerAddress.parse(settings.mqtt_url or f"mqtt://127.0.0.1:{settings.mqtt_port}", settings.mqtt_ca),
        gym=_name("--gym", gym),
        machine=_name("--machine", machine),
        user=_name("--user", user),
        press=(worked := _model(model, rate_hz, frame_s)),
        load_kg=_checked_load(load_kg, worked),
        frame_s=frame_s,
        seed=seed,
        script=_script(keys),
    )
    if limit_mm is not None:
        _set_limit(settings, by_hand, limit_mm)
    notices: deque[str] = deque(maxlen=20)
    try:
        with wiring.stop_on_signals() as stop:
            if by_hand.script is not None:
                logs.configure("press", settings.log_level, settings.log_format)
                account = work(by_hand, stop, None, notices)
            else:
                logs.hand_on(notices.append, but={"machine.unconnected"})
                with Window(sys.stdin.fileno(), _console()) as window:
                    account = work(by_hand, stop, window, notices)
    except ByHandError as error:
        raise Failed(str(error)) from None
    typer.echo(f"{gym}/{machine}: {_told(account)}", err=True)
    for session in account.sessions:
        typer.echo(session)
    if stop.is_set():
        raise typer.Abort
    if account.held or account.lost:
        why = account.unreached or "is ingest running?"
        raise Failed(f"{_counted(account.held + account.lost, 'message')} not stored: {why}")


def _name(option: str, text: str) -> str:
    from sledwatch.events import is_name

    if not is_name(text):
        raise WrongUse(f"{option} {text!r}: expected lower-case letters, digits, - and _, at most 64")
    return text


def _model(name: str, rate_hz: float, frame_s: float) -> "Press":
    from sledwatch.events import MAX_SAMPLES
    from sledwatch_sim.equipment.models import MODELS

    if name not in MODELS:
        raise WrongUse(f"--model {name!r}: expected one of {', '.join(MODELS)}")
    try:
        model = MODELS[name].at_rate(rate_hz)
    except ValueError as error:
        raise WrongUse(f"--{str(error).replace('_', '-')}") from None
    if not _SHORTEST_FRAME_S <= frame_s <= _LONGEST_FRAME_S:
        raise WrongUse(f"--frame-s {frame_s:g}: expected {_SHORTEST_FRAME_S:g} to {_LONGEST_FRAME_S:g}")
    if frame_s * rate_hz > MAX_SAMPLES:
        raise WrongUse(
            f"--frame-s {frame_s:g} at {rate_hz:g} Hz: {frame_s * rate_hz:.0f} samples a frame, expected at most "
            f"{MAX_SAMPLES}"
        )
    return model


def _checked_load(kg: float | None, model: "Press") -> float | None:
    if kg is not None and not model.empty_kg <= kg <= model.most_kg:
        raise WrongUse(f"--load-kg {kg:g}: expected {model.empty_kg:g} to {model.most_kg:g}")
    return kg


def _script(keys: str | None) -> "tuple[Step, ...] | None":
    """What to do, None for keys in a terminal."""
    from sledwatch_sim.by_hand import WrongKeys, parse

    if keys is None and sys.stdin.isatty():
        if not sys.stderr.isatty():
            raise WrongUse("standard error is no terminal to draw on: give --keys SCRIPT")
        return None
    try:
        steps = tuple(parse(sys.stdin.read() if keys in {None, "-"} else keys or ""))
    except WrongKeys as error:
        raise WrongUse(f"--keys: {error}") from None
    except UnicodeDecodeError:
        raise WrongUse("--keys: standard input is no text in UTF-8") from None
    if not steps:
        raise WrongUse('no keys: expected words such as "b 3*rep b q"')
    return steps


def _set_limit(settings: Settings, by_hand: "ByHandConfig", limit_mm: float) -> None:
    from sledwatch_app import wiring
    from sledwatch_sim.api import Api, ApiError

    path = f"/members/{by_hand.user}/limits/{by_hand.gym}/{by_hand.machine}"
    try:
        with Api(settings.url, wiring.known_token(settings)) as api:
            api.put(path, {"limit_mm": limit_mm})
    except ApiError as error:
        raise Failed(f"--limit-mm {limit_mm:g}: {error}") from None


def _console() -> Console:
    """Where the screen is drawn; the size is the window's, whatever the environment remembers of it."""
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    console = Console(stderr=True, highlight=False, _environ=environment)
    if console.is_dumb_terminal:
        raise WrongUse("this terminal cannot move its cursor (TERM): give --keys SCRIPT")
    return console


def _told(account: "Account") -> str:
    """What it came to, in one line."""
    parts = [
        _counted(len(account.sessions), "session"),
        f"{_counted(account.reps, 'rep')}, {account.over} beyond the limit, {account.found} found by the system",
        _counted(account.alerts, "alert"),
        f"{account.said} messages, " + (f"{account.held} not stored" if account.held else "all stored"),
    ]
    unhappy = (account.lost, "lost"), (account.refused, "refused by the broker")
    return "; ".join(parts + [f"{count} {what}" for count, what in unhappy if count])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
