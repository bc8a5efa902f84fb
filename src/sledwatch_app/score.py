"""`sledwatch score`: what was found against what was true, by the truth that a simulation wrote."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
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
# What is compared of a rep.
_KEPT: Final = ("t_start_us", "t_turn_us", "t_end_us", "depth_mm")
# Two reps are one when they share more than this of the shorter of the two.
_OVERLAP: Final = 0.5

Interval = tuple[int, int]
# A finding: its rule and its session.
Named = tuple[str, str]


@dataclass(slots=True)
class Truth:
    """The truth file, sorted; it may hold several runs.

    reps: by session. expected: the severity of each finding, by rule and session. near, severity_near: those that are
    too near to call. scenarios: the sessions of each, by name. running: the scenario whose lines are being read.
    """

    rules: list[str]
    sessions: list[str]
    reps: dict[str, list[dict[str, Any]]]
    expected: dict[Named, str]
    near: set[Named]
    severity_near: set[Named]
    scenarios: dict[str, list[str]]
    running: str = ""


@dataclass(slots=True)
class _Counts:
    """What was there to find, what was found, and what of it was right. near: what was not scored."""

    true: int = 0
    found: int = 0
    right: int = 0
    near: int = 0
    severities: int = 0  # that can be told, of those that were right
    severities_right: int = 0

    def figures(self) -> dict[str, float | None]:
        return {
            "precision": self.right / self.found if self.found else None,
            "recall": self.right / self.true if self.true else None,
        }

    def severity(self) -> float | None:
        return self.severities_right / self.severities if self.severities else None


@dataclass(slots=True)
class Score:
    """The comparison. The errors are absolute, of the reps that were matched."""

    reps: _Counts = field(default_factory=_Counts)
    bottom_mm: list[float] = field(default_factory=list)
    start_ms: list[float] = field(default_factory=list)
    turn_ms: list[float] = field(default_factory=list)
    end_ms: list[float] = field(default_factory=list)
    findings: dict[str, _Counts] = field(default_factory=dict)
    scenarios: "dict[str, Score]" = field(default_factory=dict)
    unclosed: int = 0

    def figures(self) -> dict[str, Any]:
        """As `--json` prints it; None where a figure is undefined."""
        figures: dict[str, Any] = {
            "reps": self.reps.figures(),
            "bottom_mm": _spread(self.bottom_mm),
            "findings": {rule: counts.figures() for rule, counts in self.findings.items()},
            "start_ms": _spread(self.start_ms),
            "turn_ms": _spread(self.turn_ms),
            "end_ms": _spread(self.end_ms),
            "severities": {rule: counts.severity() for rule, counts in self.findings.items()},
            "near": {rule: counts.near for rule, counts in self.findings.items()},
        }
        if self.scenarios:
            figures["scenarios"] = {name: score.figures() for name, score in self.scenarios.items()}
        return figures


def _spread(errors: Sequence[float]) -> dict[str, float | None]:
    return {
        "p50": float(np.percentile(errors, 50)) if errors else None,
        "p95": float(np.percentile(errors, 95)) if errors else None,
        "max": max(errors) if errors else None,
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
    """Read the JSON lines of kind run, session, rep and finding; others are ignored. Raises WrongUse.

    Findings of rules that no run names are known to be true, and not scored: the services have no such rule.
    """
    truth = Truth([], [], defaultdict(list), {}, set(), set(), {})
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007 - named in the message below
                if line.strip():
                    _take(truth, json.loads(line))
    except OSError as error:
        raise WrongUse(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise WrongUse(f"{path}: line {number} is no line of a truth file: {what}") from error
    return truth


def _take(truth: Truth, line: dict[str, Any]) -> None:
    match line["kind"]:
        case "run":
            truth.rules += [rule for rule in line["rules"] if rule not in truth.rules]
            truth.running = line.get("scenario", "")
            truth.scenarios.setdefault(truth.running, [])
        case "session":
            truth.sessions.append(line["session"])
            truth.scenarios.setdefault(truth.running, []).append(line["session"])
        case "rep" if line["session"] is not None:
            truth.reps[line["session"]].append({name: line[name] + 0 for name in _KEPT})
        case "finding":
            key = (line["rule"], line["session"])
            truth.expected[key] = line.get("severity", "")
            if line.get("near"):
                truth.near.add(key)
            if line.get("severity_near"):
                truth.severity_near.add(key)


def compare(truth: Truth, reps: Mapping[str, Sequence[Mapping[str, Any]]], findings: Mapping[Named, str]) -> Score:
    """Score found reps, by session, and found findings: their severities, by rule and session.

    What is too near to call counts neither when it is found nor when it is not; nor do rules that the truth says
    nothing about.
    """
    result = _compare(truth, truth.sessions, reps, findings)
    result.scenarios = {name: _compare(truth, sessions, reps, findings) for name, sessions in truth.scenarios.items()}
    return result


def _compare(
    truth: Truth,
    sessions: Sequence[str],
    reps: Mapping[str, Sequence[Mapping[str, Any]]],
    findings: Mapping[Named, str],
) -> Score:
    result = Score()
    for session in sessions:
        true, found = truth.reps[session], reps.get(session, ())
        pairs = match([_interval(rep) for rep in true], [_interval(rep) for rep in found])
        result.reps.true += len(true)
        result.reps.found += len(found)
        result.reps.right += len(pairs)
        for here, there in pairs:
            one, other = true[here], found[there]
            result.bottom_mm.append(abs(other["depth_mm"] - one["depth_mm"]))
            for name, errors in (("start", result.start_ms), ("turn", result.turn_ms), ("end", result.end_ms)):
                errors.append(abs(other[f"t_{name}_us"] - one[f"t_{name}_us"]) / 1000.0)
    here_is = set(sessions)
    for rule in truth.rules:
        there_is = {key for key in truth.expected if key[0] == rule and key[1] in here_is}
        found_is = {key for key in findings if key[0] == rule and key[1] in here_is} - truth.near
        right = (there_is - truth.near) & found_is
        told = right - truth.severity_near
        result.findings[rule] = _Counts(
            true=len(there_is - truth.near),
            found=len(found_is),
            right=len(right),
            near=len(there_is & truth.near),
            severities=len(told),
            severities_right=sum(truth.expected[key] == findings[key] for key in told),
        )
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


def _findings(api: Api, sessions: Sequence[str]) -> dict[Named, str]:
    """The severities of what was found."""
    return {
        (item["rule"], session): item["severity"]
        for session in sessions
        for item in api.items("/findings", session=session)
    }


def _print(result: Score, sessions: int) -> None:
    console = Console(highlight=False)
    several = len(result.scenarios) > 1
    for name, score in result.scenarios.items() if several else ():
        _print_one(console, score, name)
    _print_one(console, result, "all of them" if several else None)
    if result.unclosed:
        console.print(f"{result.unclosed} of {sessions} sessions were not closed in time")


def _print_one(console: Console, result: Score, title: str | None) -> None:
    table = Table(
        "", "true", "found", "right", "precision", "recall", "severity", "near", title=title, title_justify="left"
    )
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for name, counts in (("reps", result.reps), *result.findings.items()):
        shown = counts.figures()
        table.add_row(
            name,
            str(counts.true),
            str(counts.found),
            str(counts.right),
            _percent(shown["precision"]),
            _percent(shown["recall"]),
            _percent(counts.severity()),
            str(counts.near or ""),
        )
    console.print(table)
    if not result.bottom_mm:
        console.print("no rep was matched")
        return
    rows = (
        ("bottom", result.bottom_mm, "mm", 1),
        ("start", result.start_ms, "ms", 0),
        ("turn", result.turn_ms, "ms", 0),
        ("end", result.end_ms, "ms", 0),
    )
    for what, errors, unit, digits in rows:
        figures = _spread(errors)
        half, most, worst = (f"{figures[name]:.{digits}f} {unit}" for name in ("p50", "p95", "max"))
        console.print(f"{what}: off by {half} (half of them), {most} (95 %), {worst} (the worst)")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.1f} %"
