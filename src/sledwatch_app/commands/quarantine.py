"""`sledwatch quarantine`: messages that were refused, why, and trying them again."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

from sledwatch_app.errors import Failed, WrongUse
from sledwatch_app.settings import load

if TYPE_CHECKING:
    from sledwatch_sim.api import Api

# Ingest looks every second, or some seconds later where a store was away: so long after the last that came of it.
_WAIT_S = 30.0
_POLL_S = 0.25
_PAGE = 1000
# What is refused again for a reason that many share is told by number.
_SHOWN = 20

app = typer.Typer(no_args_is_help=True, help="Messages that were refused, why, and trying them again after a fix.")

State = Literal["held", "asked", "replayed"]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReasonOption = Annotated[
    Optional[str],  # noqa: UP045 - Typer shows the type
    typer.Option("--reason", metavar="R", help="Refused for this reason only, such as load-out-of-range."),
]
GymOption = Annotated[Optional[str], typer.Option("--gym", metavar="NAME", help="Of this gym only.")]  # noqa: UP045
IdArgument = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `sledwatch quarantine list` shows it.")]


@app.command("list", epilog="Example: [b]sledwatch quarantine list --reason time-ahead --json[/b]")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="The newest N messages.")] = 50,
    state: Annotated[
        Optional[State],  # noqa: UP045
        typer.Option(help="held: waits for you; asked: for its trial; replayed: stored. Without it: held and asked."),
    ] = None,
    reason: ReasonOption = None,
    gym: GymOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List refused messages, newest first, from the API at SLEDWATCH_URL."""
    from itertools import islice

    with _api() as api:
        found = api.items("/quarantine", limit=str(min(limit, _PAGE)), **_query(state=state, reason=reason, gym=gym))
        items = list(islice(found, limit))
    if as_json:
        for item in items:
            typer.echo(json.dumps(item))
        return
    if not items:
        narrowed = any((state, reason, gym))
        typer.echo("No refused message is like that." if narrowed else "The quarantine is empty.")
        return
    # Two lines a message, so that names and reasons are whole in any terminal: they are what the other commands take.
    for item in items:
        machine = f"{item['gym']}/{item['machine']}" if item["machine"] else item["topic"]
        times = f", {item['count']} times" if item["count"] > 1 else ""
        typer.echo(
            f"{item['id']:>6}  {_second(item['received_at'])}  {machine}  {item['reason']}  {item['state']}{times}"
        )
        typer.echo(f"        {item['detail']}")


@app.command(epilog="Example: [b]sledwatch quarantine show 17[/b]")
def show(id_: IdArgument, as_json: JsonOption = False) -> None:
    """Show one refused message whole: what came, when, on which topic, and why it was refused."""
    with _api() as api:
        found = api.find(f"/quarantine/{id_}")
    if found is None:
        raise Failed(f"no message {id_} is in quarantine; the oldest go when it is full")
    if as_json:
        typer.echo(json.dumps(found))
        return
    payload = found.pop("payload"), found.pop("payload_base64")
    for name, value in found.items():
        typer.echo(f"{name:12} {'-' if value is None else value}")
    typer.echo("")
    typer.echo(_readable(*payload))


@app.command(
    epilog="Examples: [b]sledwatch quarantine replay 17 18[/b] · "
    "[b]sledwatch quarantine replay --reason wrong-type --gym riverside[/b] · "
    "[b]sledwatch quarantine replay --all --no-wait[/b]"
)
def replay(
    ids: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Argument(metavar="ID", min=1, help="As `sledwatch quarantine list` shows them."),
    ] = None,
    reason: ReasonOption = None,
    gym: GymOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are held.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for what comes of it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Have ingest try refused messages again, after a fix; waits while it does, and says what came of it.

    A message is judged as of when it came: none is too old for having lain there.

    What is taken is stored, and its session is analysed anew.

    What is refused again stays, with the new reason. Exit code 1 unless all were taken.
    """
    from sledwatch_app.progress import shown_trials

    ids = list(dict.fromkeys(ids or ()))
    if bool(ids) == bool(reason or gym or everything):
        raise WrongUse("say which messages to replay: their IDs, or --reason, --gym or --all")
    with _api() as api:
        problems: dict[int, str] = {}
        if ids:
            asked, problems = _ask_each(api, ids)
        else:
            asked = _ask_all(api, reason, gym)
        for problem in problems.values():
            typer.echo(f"sledwatch: {problem}", err=True)
        if no_wait:
            typer.echo(json.dumps({"asked": asked}) if as_json else f"Asked for {_messages(len(asked))}.")
            if problems:
                raise Failed(f"{_messages(len(problems))} cannot be replayed")
            return
        with shown_trials() as report:
            waiting = set(asked)
            deadline = time.monotonic() + _WAIT_S
            while waiting and time.monotonic() < deadline:
                time.sleep(_POLL_S)
                still = {item["id"] for item in api.items("/quarantine", state="asked", limit=str(_PAGE))}
                if waiting - still:
                    deadline = time.monotonic() + _WAIT_S
                waiting &= still
                report(len(asked) - len(waiting), len(asked))
        held = {item["id"]: item for item in api.items("/quarantine", state="held", limit=str(_PAGE))}
    refused = [held[id_] for id_ in asked if id_ in held]
    replayed = [id_ for id_ in asked if id_ not in held and id_ not in waiting]
    if as_json:
        again = [{"id": item["id"], "reason": item["reason"], "detail": item["detail"]} for item in refused]
        typer.echo(json.dumps({"replayed": replayed, "refused": again, "waiting": sorted(waiting)}))
    else:
        typer.echo(f"Replayed {len(replayed)} of {_messages(len(asked) + len(problems))}.")
        for item in refused[:_SHOWN]:
            typer.echo(f"{item['id']} refused again: {item['reason']}: {item['detail']}")
        if more := Counter(item["reason"] for item in refused[_SHOWN:]):
            reasons = ", ".join(f"{reason} {count}" for reason, count in more.most_common())
            typer.echo(f"and {more.total()} more: {reasons}")
    if waiting:
        raise Failed(f"{_messages(len(waiting))} still wait for ingest: is it running, and does its store take writes?")
    if refused or problems:
        raise Failed(f"{_messages(len(refused) + len(problems))} could not be replayed")


def _ask_each(api: "Api", ids: list[int]) -> tuple[list[int], dict[int, str]]:
    """Ask for each; those that wait now, and why the others cannot be asked for."""
    from sledwatch_sim.api import ApiError

    asked, problems = [], {}
    for id_ in ids:
        try:
            api.post(f"/quarantine/{id_}/replay")
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
            problems[id_] = error.detail
        else:
            asked.append(id_)
    return asked, problems


def _ask_all(api: "Api", reason: str | None, gym: str | None) -> list[int]:
    """Ask for all of a reason or gym; which wait now."""
    wanted = _query(reason=reason, gym=gym)
    api.post("/quarantine/replay", {**wanted, "all": True})
    asked = [item["id"] for item in api.items("/quarantine", state="asked", limit=str(_PAGE), **wanted)]
    if not asked:
        raise Failed("no message in quarantine is like that and can be replayed")
    return asked


@contextmanager
def _api() -> Iterator["Api"]:
    from sledwatch_app import wiring
    from sledwatch_sim.api import Api, ApiError

    settings = load()
    try:
        with Api(settings.url, wiring.known_token(settings)) as api:
            yield api
    except ApiError as error:
        if error.status == 422:
            raise WrongUse(error.detail) from None
        raise Failed(str(error)) from None


def _second(iso: str) -> str:
    """A time as people read it, to the second, UTC as the API gives it."""
    return iso[:19].replace("T", " ")


def _query(**wanted: str | None) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if value is not None}


def _readable(text: str | None, base64: str | None) -> str:
    if text is None:
        return f"(no text; base64:)\n{base64}"
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _messages(count: int) -> str:
    return f"{count} message" if count == 1 else f"{count} messages"
