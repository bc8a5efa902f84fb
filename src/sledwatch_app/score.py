"""`sledwatch score`: what was found against what was true, by the truth that a simulation wrote."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from sledwatch_app.errors import Failed, WrongUse
from sledwatch_sim.api import Api, ApiError

_POLL_S: Final = 0.5
# Two reps are one when they share more than this of the shorter of the two.
_OVERLAP: Final = 0.5

Interval = tuple[int, int]


@dataclass(slots=True)
class Truth:
    """The truth file, sorted. reps, and findings that are expected or too near to call, by session."""

    rules: list[str]
    sessions: list[str]
    reps: dict[str, list[dict[str, Any]]]
    expected: set[tuple[str, str]]  # rule, session
    near: set[tuple[str, str]]


@dataclass(slots=True)
class _Counts:
    """What was there to find, what was found, and what of it was right."""

    true: int = 0
    found: int = 0
    right: int = 0

    def figures(self) -> dict[str, float | None]:
        return {
            "precision": self.right / self.found if self.found else None,
            "recall": self.right / self.true if self.true else None,
        }


@dataclass(slots=True)
class Score:
    """The comparison. bottom_mm: absolute errors of the bottoms of the reps that were matched."""

    reps: _Counts = field(default_factory=_Counts)
    bottom_mm: list[float] = field(default_factory=list)
    findings: dict[str, _Counts] = field(default_factory=dict)
    unclosed: int = 0

    def figures(self) -> dict[str, Any]:
        """As `--json` prints it; None where a figure is undefined."""
        errors = self.bottom_mm
        return {
            "reps": self.reps.figures(),
            "bottom_mm": {
                "p50": float(np.percentile(errors, 50)) if errors else None,
                "p95": float(np.percentile(errors, 95)) if errors else None,
                "max": max(errors) if errors else None,
            },
            "findings": {rule: counts.figures() for rule, counts in self.findings.items()},
        }


def score(
    truth_path: Path,
    api_url: str,
    token: str | None,
    as_json: bool,
    wait_s: float = 90.0,
    *,
    report: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Wait until the sessions of a truth file are closed, compare, print, and return the figures.

    wait_s: how long to wait for closings at most; what is not closed then is compared as it stands. report: told how
    many of how many sessions are closed. Raises WrongUse for a file that is no truth, Failed when the API gives no
    answer.
    """
    truth = read_truth(truth_path)
    try:
        with Api(api_url, token) as api:
            unclosed = _wait_closed(api, truth.sessions, wait_s, report)
            result = compare(truth, _reps(api, truth.sessions), _findings(api, truth.sessions))
    except ApiError as error:
        raise Failed(str(error)) from error
    result.unclosed = unclosed
    if as_json:
        typer.echo(json.dumps(result.figures()))
    else:
        _print(result, len(truth.sessions))
    return result.figures()


def read_truth(path: Path) -> Truth:
    """Read the JSON lines of kind run, session, rep and finding; others are ignored. Raises WrongUse."""
    truth = Truth([], [], defaultdict(list), set(), set())
    rules: dict[str, None] = {}
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007 - named in the message below
                if line.strip():
                    _take(truth, rules, json.loads(line))
    except OSError as error:
        raise WrongUse(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise WrongUse(f"{path}: line {number} is no line of a truth file: {what}") from error
    truth.rules = list(rules)
    return truth


def _take(truth: Truth, rules: dict[str, None], line: dict[str, Any]) -> None:
    match line["kind"]:
        case "run":
            rules.update(dict.fromkeys(line["rules"]))
        case "session":
            truth.sessions.append(line["session"])
        case "rep":
            kept = ("t_start_us", "t_end_us", "depth_mm")
            truth.reps[line["session"]].append({name: line[name] + 0 for name in kept})
        case "finding":
            rules.setdefault(line["rule"])
            (truth.near if line.get("near") else truth.expected).add((line["rule"], line["session"]))


def compare(
    truth: Truth, reps: Mapping[str, Sequence[Mapping[str, Any]]], findings: Iterable[tuple[str, str]]
) -> Score:
    """Score found reps, by session, and found findings, as (rule, session).

    What is too near to call counts neither when it is found nor when it is not; nor do rules that the truth says
    nothing about.
    """
    result = Score()
    for session in truth.sessions:
        true, found = truth.reps[session], reps.get(session, ())
        pairs = match([_interval(rep) for rep in true], [_interval(rep) for rep in found])
        result.reps.true += len(true)
        result.reps.found += len(found)
        result.reps.right += len(pairs)
        result.bottom_mm += [abs(found[there]["depth_mm"] - true[here]["depth_mm"]) for here, there in pairs]
    called = set(findings) - truth.near
    for rule in truth.rules:
        there_is = {key for key in truth.expected if key[0] == rule}
        found_is = {key for key in called if key[0] == rule}
        result.findings[rule] = _Counts(len(there_is), len(found_is), len(there_is & found_is))
    return result


def match(true: Sequence[Interval], found: Sequence[Interval]) -> list[tuple[int, int]]:
    """Pair intervals, each at most once, those that overlap most first; half of the shorter one is the least."""
    shares = [
        (share, here, there)
        for here, one in enumerate(true)
        for there, other in enumerate(found)
        if (share := _shared(one, other)) > _OVERLAP
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, here, there in sorted(shares, key=lambda item: (-item[0], item[1], item[2])):
        if here not in pairs and there not in taken:
            pairs[here] = there
            taken.add(there)
    return sorted(pairs.items())


def _shared(one: Interval, other: Interval) -> float:
    shorter = min(one[1] - one[0], other[1] - other[0])
    return (min(one[1], other[1]) - max(one[0], other[0])) / shorter if shorter > 0 else 0.0


def _interval(rep: Mapping[str, Any]) -> Interval:
    return int(rep["t_start_us"]), int(rep["t_end_us"])


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


def _findings(api: Api, sessions: Sequence[str]) -> set[tuple[str, str]]:
    return {(item["rule"], session) for session in sessions for item in api.items("/findings", session=session)}


def _print(result: Score, sessions: int) -> None:
    figures = result.figures()
    console = Console(highlight=False)
    table = Table("", "true", "found", "right", "precision", "recall")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, counts, shown in (
        ("reps", result.reps, figures["reps"]),
        *((rule, counts, figures["findings"][rule]) for rule, counts in result.findings.items()),
    ):
        shares = (_percent(shown["precision"]), _percent(shown["recall"]))
        table.add_row(name, str(counts.true), str(counts.found), str(counts.right), *shares)
    console.print(table)
    bottom = figures["bottom_mm"]
    if bottom["max"] is None:
        console.print("bottoms: no rep was matched")
    else:
        console.print(
            f"bottoms: off by {bottom['p50']:.1f} mm (half of them), {bottom['p95']:.1f} mm (95 %), "
            f"{bottom['max']:.1f} mm (the worst)"
        )
    if result.unclosed:
        console.print(f"{result.unclosed} of {sessions} sessions were not closed in time")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.1f} %"
