"""The command line: `sledwatch`."""

import sys

import typer

from sledwatch_app.commands import credentials, doctor, history, parts, press, reanalyse, use
from sledwatch_app.errors import Failed, WrongUse

app = typer.Typer(
    name="sledwatch",
    help="Watches smart leg presses: depth and load over MQTT, reps and workload, an alert to the trainer in time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(parts.app)
app.add_typer(doctor.app)
app.add_typer(use.app)
app.add_typer(press.app)
app.add_typer(history.app)
app.add_typer(reanalyse.app)
app.add_typer(credentials.app, name="credentials")


def main() -> None:
    """Run a command; wrong use is one clear line and exit code 2, work that could not be done is exit code 1."""
    try:
        code = app(standalone_mode=False, prog_name="sledwatch")
    except WrongUse as error:
        _leave(str(error), 2)
    except Failed as error:
        _leave(str(error), 1)
    except (typer.Abort, KeyboardInterrupt):
        _leave("stopped", 130)
    except typer.TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        _leave(f"{' '.join(message.split())} (see `sledwatch --help`)", int(getattr(error, "exit_code", 2)))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _leave(message: str, code: int) -> None:
    typer.echo(f"sledwatch: {' '.join(message.split())}", err=True)
    sys.exit(code)
