"""`sledwatch doctor`: what is right, what is not, and what to do about it."""

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

app = typer.Typer()

_MARKS = {"ok": "[green]✓[/] ok", "warn": "[yellow]![/] warn", "fail": "[red]✗[/] fail"}


@app.command(epilog="Examples: [b]sledwatch doctor[/b] · [b]sledwatch doctor --create --json[/b]")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    create: Annotated[bool, typer.Option("--create", help="Make InfluxDB's buckets where they are absent.")] = False,
) -> None:
    """Look at settings, stores, broker, certificates, API and clocks, and say what to do; exit code 1 if one fails.

    It takes seconds, even where nobody answers, and changes nothing but for --create.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from sledwatch_app.doctor import examine, worst

    checks = examine(os.environ, create=create)
    verdict = worst(checks)
    if as_json:
        typer.echo(json.dumps({"ok": verdict != "fail", "checks": [asdict(check) for check in checks]}))
    else:
        table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
        for check in checks:
            table.add_row(_MARKS[check.verdict], check.name, escape(check.found), escape(check.to_do))
        Console().print(table)
    if verdict == "fail":
        raise typer.Exit(1)
