"""Options that several commands take."""

from pathlib import Path
from typing import Annotated, Optional

import typer

DataOption = Annotated[
    Optional[Path],  # noqa: UP045 - Typer shows the type
    typer.Option("--data", metavar="DIR", help="Directory of databases and token.", show_default="data"),
]
MqttUrlOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--mqtt-url", metavar="URL", help="The broker, as mqtt://[USER:PASSWORD@]HOST[:PORT]."),
]
