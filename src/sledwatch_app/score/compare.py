"""What was found against what was true."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from sledwatch_app.score.truth import Interval, Named, TrueRep, TrueSession, Truth, hides

# Two reps are one when they share more than this of the shorter of the two.
_OVERLAP: Final = 0.5
ERRORS: Final = ("bottom_mm", "start_ms", "turn_ms", "end_ms", "mean_velocity_pct")

# A rep as the API gives it.
Found = Mapping[str, Any]


@dataclass(slots=True)
class Counts:
    """What was there to find, what was found, and what of it was right. near: what was not scored."""

    true: int = 0
    found: int = 0
    right: int = 0
    near: int = 0
    severities: int = 0  # that can be told, of those that were right
    severities_right: int = 0

    @property
    def precision(self) -> float | None:
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        return self.right / self.true if self.true else None

    @property
    def severity(self) -> float | None:
        return self.severities_right / self.severities if self.severities else None

    def figures(self) -> dict[str, float | None]:
        return {"precision": self.precision, "recall": self.recall}

    def add(self, other: "Counts") -> None:
        for name in ("true", "found", "right", "near", "severities", "severities_right"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Reps:
    """Reps of some sessions. errors: absolute, of those that were matched, by name of ERRORS."""

    counts: Counts = field(default_factory=Counts)
    errors: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in ERRORS})

    def add(self, other: "Reps") -> None:
        self.counts.add(other.counts)
        for name, errors in other.errors.items():
            self.errors[name] += errors

    def figures(self) -> dict[str, Any]:
        """As `--json` prints them."""
        counts = {"true": self.counts.true, "found": self.counts.found, "right": self.counts.right}
        return {"reps": self.counts.figures(), "counts": counts} | {
            name: spread(errors) for name, errors in self.errors.items()
        }


@dataclass(frozen=True, slots=True)
class Near:
    """A finding that is too near to a threshold to call, and the severity that it was found with, if it was."""

    scenario: str
    session: str
    rule: str
    found: str | None


@dataclass(slots=True)
class Score:
    """The comparison.

    seen: the reps of what was not hidden: faultless, of machines with sound sensors, and faulty, of the others.
    hidden: true reps while a sensor stuck, was blind or without power; nobody can find these as they were, so they
    count in `reps` only. faults: the reps of sessions on a machine with a fault, by its kind, the hidden ones
    included.
    """

    reps: Reps = field(default_factory=Reps)
    faultless: Reps = field(default_factory=Reps)
    faulty: Reps = field(default_factory=Reps)
    hidden: int = 0
    faults: dict[str, Reps] = field(default_factory=dict)
    hidden_by: dict[str, int] = field(default_factory=dict)
    findings: dict[str, Counts] = field(default_factory=dict)
    near: list[Near] = field(default_factory=list)
    scenarios: "dict[str, Score]" = field(default_factory=dict)
    unclosed: int = 0

    def figures(self) -> dict[str, Any]:
        """As `--json` prints it; None where a figure is undefined."""
        reps = self.reps.figures()
        figures: dict[str, Any] = {
            "reps": reps["reps"],
            "bottom_mm": reps["bottom_mm"],
            "findings": {rule: counts.figures() for rule, counts in self.findings.items()},
            **{name: reps[name] for name in ERRORS if name != "bottom_mm"},
            "counts": reps["counts"],
            "severities": {rule: counts.severity for rule, counts in self.findings.items()},
            "near": {rule: counts.near for rule, counts in self.findings.items()},
            "near_findings": [
                {"scenario": one.scenario, "session": one.session, "rule": one.rule, "found": one.found}
                for one in self.near
            ],
            "faultless": self.faultless.figures(),
            "faulty": self.faulty.figures(),
            "hidden": self.hidden,
            "faults": {kind: reps.figures() for kind, reps in self.faults.items()},
        }
        if self.scenarios:
            figures["unclosed"] = self.unclosed
            figures["scenarios"] = {name: score.figures() for name, score in self.scenarios.items()}
        return figures


def spread(errors: Sequence[float]) -> dict[str, float | None]:
    """Half of the errors are smaller than p50, 95 % than p95."""
    return {
        "p50": float(np.percentile(errors, 50)) if errors else None,
        "p95": float(np.percentile(errors, 95)) if errors else None,
        "max": max(errors) if errors else None,
    }


def compare(truth: Truth, reps: Mapping[str, Sequence[Found]], findings: Mapping[Named, str]) -> Score:
    """Score found reps, by session, and found findings: their severities, by rule and session.

    What is too near to call counts neither when it is found nor when it is not; nor do rules that the truth says
    nothing about.
    """
    result = _compare(truth, truth.sessions.values(), reps, findings)
    for name in truth.scenarios:
        of_it = [session for session in truth.sessions.values() if session.scenario == name]
        result.scenarios[name] = _compare(truth, of_it, reps, findings)
    return result


def _compare(
    truth: Truth,
    sessions: Iterable[TrueSession],
    reps: Mapping[str, Sequence[Found]],
    findings: Mapping[Named, str],
) -> Score:
    result = Score()
    scenario_of = {session.session: session.scenario for session in sessions}
    for session in (truth.sessions[name] for name in scenario_of):
        found = reps.get(session.session, ())
        pairs = match([rep.interval for rep in session.reps], [_interval(rep) for rep in found])
        everything = _reps(session.reps, found, pairs, [])
        result.reps.add(everything)
        seen = _reps(session.reps, found, pairs, session.hidden)
        hidden = everything.counts.true - seen.counts.true
        result.hidden += hidden
        (result.faulty if session.faults else result.faultless).add(seen)
        for kind in session.faults:
            result.faults.setdefault(kind, Reps()).add(everything)
            result.hidden_by[kind] = result.hidden_by.get(kind, 0) + hidden
    result.faults = dict(sorted(result.faults.items()))
    for rule in truth.rules:
        there_is = {key for key in truth.expected if key[0] == rule and key[1] in scenario_of}
        found_is = {key for key in findings if key[0] == rule and key[1] in scenario_of} - truth.near
        right = (there_is - truth.near) & found_is
        told = right - truth.severity_near
        near = there_is & truth.near
        result.findings[rule] = Counts(
            true=len(there_is - truth.near),
            found=len(found_is),
            right=len(right),
            near=len(near),
            severities=len(told),
            severities_right=sum(truth.expected[key] == findings[key] for key in told),
        )
        result.near += [Near(scenario_of[key[1]], key[1], rule, findings.get(key)) for key in sorted(near)]
    return result


def _reps(
    true: Sequence[TrueRep], found: Sequence[Found], pairs: Iterable[tuple[int, int]], hidden: Sequence[Interval]
) -> Reps:
    """What was found of reps, but for those that touch what was hidden."""
    kept = {at for at, rep in enumerate(true) if not hides(hidden, rep.interval)}
    pairs = list(pairs)
    dropped = {there for here, there in pairs if here not in kept}
    dropped |= {at for at, rep in enumerate(found) if hides(hidden, _interval(rep))} - {there for _, there in pairs}
    result = Reps(Counts(true=len(kept), found=len(found) - len(dropped)))
    for here, there in pairs:
        if here in kept:
            result.counts.right += 1
            _note_errors(result.errors, true[here], found[there])
    return result


def _note_errors(errors: dict[str, list[float]], true: TrueRep, found: Found) -> None:
    first_us, last_us = true.bottom_us
    turn_us = found["t_turn_us"]
    errors["bottom_mm"].append(abs(found["depth_mm"] - true.depth_mm))
    errors["start_ms"].append(abs(found["t_start_us"] - true.start_us) / 1000.0)
    errors["turn_ms"].append(max(0, first_us - turn_us, turn_us - last_us) / 1000.0)
    errors["end_ms"].append(abs(found["t_end_us"] - true.end_us) / 1000.0)
    velocity = found.get("mean_velocity_m_s")
    if velocity is not None and true.mean_velocity_m_s:
        errors["mean_velocity_pct"].append(100.0 * abs(velocity / true.mean_velocity_m_s - 1.0))


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


def _interval(rep: Found) -> Interval:
    return int(rep["t_start_us"]), int(rep["t_end_us"])
