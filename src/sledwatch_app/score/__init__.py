"""`sledwatch score`: what was found against what was true, by the truth that a simulation wrote."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import typer

from sledwatch_app.errors import Failed
from sledwatch_app.score.compare import compare, match
from sledwatch_app.score.table import show
from sledwatch_app.score.truth import Named, read_truth
from sledwatch_sim.api import Api, ApiError

__all__ = ["WAIT_S", "compare", "match", "read_truth", "score"]

WAIT_S: Final = 90.0
_POLL_S: Final = 0.5


def score(
    truth_path: Path,
    api_url: str,
    token: str | None,
    as_json: bool,
    wait_s: float = WAIT_S,
    *,
    report: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Wait until the sessions of a truth file are closed, compare, print, and return the figures.

    wait_s: how long to wait for closings at most; what is not closed then is compared as it stands. report: told how
    many of how many sessions are closed. Raises WrongUse for a file that is no truth, Failed when the API gives no
    answer.
    """
    truth = read_truth(truth_path)
    sessions = list(truth.sessions)
    try:
        with Api(api_url, token) as api:
            unclosed = _wait_closed(api, sessions, wait_s, report)
            result = compare(truth, _reps(api, sessions), _findings(api, sessions))
    except ApiError as error:
        raise Failed(str(error)) from error
    result.unclosed = unclosed
    if as_json:
        typer.echo(json.dumps(result.figures()))
    else:
        show(result, len(sessions))
    return result.figures()


def _wait_closed(api: Api, sessions: Sequence[str], wait_s: float, report: Callable[[int, int], None] | None) -> int:
    """Returns how many are still not closed."""
    open_ones = list(sessions)
    deadline_s = time.monotonic() + wait_s
    while True:
        open_ones = [session for session in open_ones if not _closed(api, session)]
        if report is not None:
            report(len(sessions) - len(open_ones), len(sessions))
        if not open_ones or time.monotonic() > deadline_s:
            return len(open_ones)
        time.sleep(min(_POLL_S, max(0.0, deadline_s - time.monotonic()) + 0.01))


def _closed(api: Api, session: str) -> bool:
    found = api.find(f"/sessions/{session}")
    return found is not None and found["state"] == "closed"


def _reps(api: Api, sessions: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    known = [session for session in sessions if api.find(f"/sessions/{session}") is not None]
    return {session: list(api.items(f"/sessions/{session}/reps")) for session in known}


def _findings(api: Api, sessions: Sequence[str]) -> dict[Named, str]:
    """The severities of what was found."""
    return {
        (item["rule"], session): item["severity"]
        for session in sessions
        for item in api.items("/findings", session=session)
    }
