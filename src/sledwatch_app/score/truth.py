"""What was true, read from the lines that a simulation wrote."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sledwatch_app.errors import WrongUse

Interval = tuple[int, int]
# A finding: its rule and its session.
Named = tuple[str, str]
# A machine during one of the runs of a file.
Where = tuple[int, str, str]

# Faults of the line, not of the machine's own eyes: what arrives is as good as ever.
_OF_THE_LINE: Final = frozenset({"latency", "loss", "repeat", "disorder", "offline", "cut", "clock"})
# While these last, the sensor shows nothing of what happens.
_HIDING: Final = frozenset({"stuck", "blind", "reboot"})


@dataclass(frozen=True, slots=True)
class TrueRep:
    """A rep that was done. Times in µs, by the machine's own clock.

    bottom_us: from when to when the sled was at its bottom. mean_velocity_m_s: None where the file does not tell.
    """

    start_us: int
    bottom_us: Interval
    end_us: int
    depth_mm: float
    mean_velocity_m_s: float | None

    @property
    def interval(self) -> Interval:
        """From its start to its end."""
        return self.start_us, self.end_us


@dataclass(slots=True)
class TrueSession:
    """A session that was. faults: kinds of what was wrong with the machine's sensors in that run.

    hidden: while the sensor showed nothing of what happened.
    """

    session: str
    scenario: str
    where: Where
    reps: list[TrueRep] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)
    hidden: list[Interval] = field(default_factory=list)


@dataclass(slots=True)
class Truth:
    """A truth file; it may hold several runs.

    sessions: by id, in the order of the file. expected: the severity of each finding, by rule and session. near,
    severity_near: those that are too near to call. scenarios: in the order of the file, also those without a session.
    """

    rules: list[str] = field(default_factory=list)
    sessions: dict[str, TrueSession] = field(default_factory=dict)
    expected: dict[Named, str] = field(default_factory=dict)
    near: set[Named] = field(default_factory=set)
    severity_near: set[Named] = field(default_factory=set)
    scenarios: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Run:
    number: int
    scenario: str
    start_us: int


@dataclass(slots=True)
class _Reading:
    """What is gathered line by line; faults are told when their run is over, after the sessions that they touch."""

    truth: Truth = field(default_factory=Truth)
    runs: int = 0
    # The run that a gym belongs to, by the latest line that names it; "" where a run names no gyms.
    run_of: dict[str, _Run] = field(default_factory=dict)
    started_us: dict[int, int] = field(default_factory=dict)
    reps: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: dict[Where, list[dict[str, Any]]] = field(default_factory=dict)

    def take(self, line: dict[str, Any]) -> None:
        truth = self.truth
        match line["kind"]:
            case "run":
                truth.rules += [rule for rule in line["rules"] if rule not in truth.rules]
                self.runs += 1
                run = _Run(self.runs, line.get("scenario", ""), line.get("start_us", 0))
                self.started_us[run.number] = run.start_us
                self.run_of |= dict.fromkeys(["", *line.get("gyms", ())], run)
                if run.scenario not in truth.scenarios:
                    truth.scenarios.append(run.scenario)
            case "session":
                scenario, where = self._where(line)
                truth.sessions[line["session"]] = TrueSession(line["session"], scenario, where)
            case "rep" if line["session"] is not None:
                for name in ("t_start_us", "t_turn_us", "t_end_us", "depth_mm"):
                    _ = line[name] + 0
                self.reps.append((line["session"], line))
            case "fault":
                self.faults.setdefault(self._where(line)[1], []).append(line)
            case "finding":
                key = (line["rule"], line["session"])
                truth.expected[key] = line.get("severity", "")
                if line.get("near"):
                    truth.near.add(key)
                if line.get("severity_near"):
                    truth.severity_near.add(key)

    def _where(self, line: dict[str, Any]) -> tuple[str, Where]:
        gym = line.get("gym") or ""
        run = self.run_of.get(gym) or self.run_of.get("") or _Run(0, "", 0)
        return run.scenario, (run.number, gym, line.get("machine") or "")

    def whole(self) -> Truth:
        for session in self.truth.sessions.values():
            for fault in self.faults.get(session.where, ()):
                if fault["fault"] not in _OF_THE_LINE:
                    session.faults.add(fault["fault"])
                if fault["fault"] in _HIDING:
                    session.hidden.append((fault["from_us"], fault["to_us"]))
        for name, line in self.reps:
            if name in self.truth.sessions:
                session = self.truth.sessions[name]
                session.reps.append(self._rep(line, session.where))
        return self.truth

    def _rep(self, line: dict[str, Any], where: Where) -> TrueRep:
        clocks = [fault["detail"] for fault in self.faults.get(where, ()) if fault["fault"] == "clock"]

        def shown(t_us: int) -> int:
            """What the machine's clock showed then."""
            since_s = (t_us - self.started_us.get(where[0], 0)) / 1e6
            ahead_us = sum(1000.0 * float(one["skew_ms"]) + float(one["drift_ppm"]) * since_s for one in clocks)
            return t_us + round(ahead_us)

        turn_us = line["t_turn_us"]
        return TrueRep(
            shown(line["t_start_us"]),
            (shown(turn_us), shown(line.get("t_push_us", turn_us))),
            shown(line["t_end_us"]),
            line["depth_mm"],
            line.get("mean_velocity_m_s"),
        )


def read_truth(path: Path) -> Truth:
    """Read the JSON lines of kind run, session, rep, finding and fault; others are ignored. Raises WrongUse.

    Findings of rules that no run names are known to be true, and not scored: the services have no such rule.
    """
    reading = _Reading()
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007 - named in the message below
                if line.strip():
                    reading.take(json.loads(line))
        number += 1
        return reading.whole()
    except OSError as error:
        raise WrongUse(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise WrongUse(f"{path}: line {number} is no line of a truth file: {what}") from error


def hides(spans: Sequence[Interval], what: Interval) -> bool:
    """Whether any of these spans touches an interval."""
    return any(from_us <= what[1] and what[0] <= to_us for from_us, to_us in spans)
