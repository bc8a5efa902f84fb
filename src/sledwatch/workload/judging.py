"""Every session as the rules saw it when it closed, of one member or of all at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sledwatch.events import Severity
from sledwatch.rules import DEFAULT_RULES, WorkloadRules
from sledwatch.workload.days import day_numbers, day_of, local_days
from sledwatch.workload.scan import BASELINES, FIGURES, FOOTINGS, RULES, SEVERITIES, STATES, judge_segments
from sledwatch.workload.sessions import Sessions
from sledwatch.workload.terms import Baseline, Footing, Micros, Standing

RulesOfAll = WorkloadRules | Mapping[str, WorkloadRules]

_CODES: Final[dict[str, tuple[str | None, ...]]] = {
    "footing": FOOTINGS,
    "state": STATES,
    "baseline": BASELINES,
    "severity": SEVERITIES,
}
# Rows of a scan mean nothing outside it: a frame names the sessions.
_ROWS: Final = {
    "best_30d_row": "best_30d_session",
    "best_90d_row": "best_90d_session",
    "spaced_row": "spaced_session",
}
_DAYS: Final = ("day", "visit_day")


@dataclass(frozen=True, slots=True)
class EarlierVisit:
    """A visit that a session is compared with: its last session, its start, its work, and what it was itself up to."""

    session: str
    start_us: int
    day: date
    work_j: float
    best_30d_j: float


@dataclass(frozen=True, slots=True)
class JudgedSession:
    """A session as the rules saw it when it closed. The columns of `session_table` say what each figure is."""

    user: str | None
    session: str
    start_us: int
    end_us: int
    work_j: float
    tonnage_kg: float
    top_load_kg: float
    hard_sets: int
    sessions_of_visit: tuple[str, ...]
    day: date
    visit: int
    visit_start_us: int
    visit_day: date
    visit_work_j: float
    visit_hard_sets: int
    visit_top_load_kg: float
    footing: Footing
    state: Standing
    anew: bool
    earlier_visits: int
    history_days: float
    visits_30d: int
    days_off: float
    layoff_days: float
    visits_since_layoff: int
    missing_7d: int
    missing_30d: int
    missing_90d: int
    best_30d_j: float
    best_30d: EarlierVisit | None
    best_90d_j: float
    best_90d: EarlierVisit | None
    ratio_30d: float
    ratio_90d: float
    spike: float
    best_load_kg: float
    hard: bool
    spaced: bool
    spaced_with: EarlierVisit | None
    habit: bool
    days_in_a_row: int
    week_j: float
    hard_sets_7d: int
    baseline: Baseline
    baseline_z: float
    baseline_mean_j: float
    baseline_sd_j: float
    baseline_weeks: int
    baseline_weeks_left_out: int
    baseline_missing_days: int
    joined_spacing: bool
    joined_baseline: bool
    severity: Severity | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What a scan made of sessions: a row each, ascending by member, start and id.

    figures: FIGURES, words as codes. users, member: whose a row is, as an index into the users; None for one member
    without a name. answers: the rows to be read, each session once, in order; the others are the history of somebody
    who trains in several time zones, as the calendar of another zone has it.
    """

    sessions: Sessions
    figures: NDArray[np.void]
    answers: Micros
    member: Micros
    users: NDArray[np.object_] | None

    def word(self, name: str) -> NDArray[np.object_]:
        """A column of codes (footing, state, baseline, severity) as words, for all rows."""
        words: NDArray[np.object_] = np.array(_CODES[name], dtype=np.object_)[self.figures[name]]
        return words

    def record(self, row: int) -> JudgedSession:
        """One session with all that was compared with it."""
        names = FIGURES.names or ()
        figures: dict[str, Any] = dict(zip(names, self.figures[row].item(), strict=True))
        for name, words in _CODES.items():
            figures[name] = words[figures[name]]
        sessions = self.sessions
        best_30d, best_90d, spaced = (figures.pop(name) for name in _ROWS)
        return JudgedSession(
            user=None if self.users is None else self.users[self.member[row]],
            session=sessions.session[row],
            start_us=int(sessions.start_us[row]),
            end_us=int(sessions.end_us[row]),
            work_j=float(sessions.work_j[row]),
            tonnage_kg=float(sessions.tonnage_kg[row]),
            top_load_kg=float(sessions.top_load_kg[row]),
            hard_sets=int(sessions.hard_sets[row]),
            sessions_of_visit=tuple(sessions.session[figures.pop("visit_first") : row + 1]),
            **(figures | {name: day_of(figures[name]) for name in _DAYS}),
            best_30d=self._earlier(best_30d),
            best_90d=self._earlier(best_90d),
            spaced_with=self._earlier(spaced),
        )

    def frame(self) -> pd.DataFrame:
        """All answers as a table: SESSION_COLUMNS, the columns of `session_table`, and `user` where there are users."""
        rows = self.answers
        sessions = self.sessions.at(rows)
        columns: dict[str, Any] = {} if self.users is None else {"user": self.users[self.member[rows]]}
        columns |= {name: getattr(sessions, name) for name in Sessions.__slots__}
        for name in FIGURES.names or ():
            values = self.figures[name][rows]
            if name in _CODES:
                columns[name] = pd.Series(np.array(_CODES[name], dtype=np.object_)[values], dtype=object)
            elif name in _ROWS:
                named = np.where(values >= 0, self.sessions.session[values], None)
                columns[_ROWS[name]] = pd.Series(named, dtype=object)
            elif name in _DAYS:
                columns[name] = values.astype("datetime64[D]").astype("datetime64[s]")
            elif name != "visit_first":
                columns[name] = values
        columns["session"] = pd.Series(sessions.session, dtype=object)
        return pd.DataFrame(columns)

    def _earlier(self, row: int) -> EarlierVisit | None:
        if row < 0:
            return None
        figures = self.figures[row]
        return EarlierVisit(
            session=self.sessions.session[row],
            start_us=int(figures["visit_start_us"]),
            day=day_of(int(figures["visit_day"])),
            work_j=float(figures["visit_work_j"]),
            best_30d_j=float(figures["best_30d_j"]),
        )


def judge(
    sessions: Sessions, time_zone: str, missing_days: Iterable[date] = (), rules: WorkloadRules = DEFAULT_RULES
) -> Judged:
    """Judge all sessions of one member. Raises ZoneInfoNotFoundError for an unknown time zone."""
    member = np.zeros(len(sessions), dtype=np.int64)
    missing = day_numbers(missing_days)
    figures = _scan(
        sessions,
        np.array([0, len(sessions)]),
        local_days(sessions.start_us, time_zone),
        np.array([0, len(missing)]),
        missing,
        np.zeros(1, dtype=np.int64),
        (rules,),
    )
    return Judged(sessions, figures, np.arange(len(sessions)), member, None)


def judged_session(
    sessions: Sessions,
    session: str,
    time_zone: str,
    missing_days: Iterable[date] = (),
    rules: WorkloadRules = DEFAULT_RULES,
) -> JudgedSession | None:
    """One session of a member as the rules saw it; None where it holds no rep. Later sessions are not looked at.

    Raises ZoneInfoNotFoundError for an unknown time zone.
    """
    found = np.flatnonzero(sessions.session == session)
    if not len(found):
        return None
    known = sessions.at(np.arange(found[0] + 1))
    return judge(known, time_zone, missing_days, rules).record(int(found[0]))


def judge_all(
    sessions: pd.DataFrame, missing_days: pd.DataFrame | None = None, rules: RulesOfAll = DEFAULT_RULES
) -> Judged:
    """Judge the sessions of all members at once, each as `judge` would.

    sessions: SESSION_COLUMNS, `user` and `time_zone` (IANA, of the gym; a session is judged by its own gym's calendar,
    and so is all that came before it). missing_days: `user`, `day` (local midnight or date), and `time_zone` where
    somebody's days are not the same in all of them. rules: for all, or by user; others have the default.
    Raises ZoneInfoNotFoundError for an unknown time zone.
    """
    member, users = pd.factorize(sessions["user"], sort=True)
    zone, zones = pd.factorize(sessions["time_zone"], sort=True)
    every = Sessions.of_columns(sessions)
    order = every.order(member)
    every, member, zone = every.at(order), member[order], zone[order]
    # A segment is a member in a time zone; hardly anybody has two.
    segments = np.unique(member * len(zones) + zone)
    owner, zone_of = segments // max(len(zones), 1), segments % max(len(zones), 1)
    begin = np.searchsorted(member, owner)
    length = np.searchsorted(member, owner, side="right") - begin
    first = np.concatenate([[0], np.cumsum(length)])
    segment = np.repeat(np.arange(len(segments)), length)
    rows = np.arange(first[-1]) - np.repeat(first[:-1] - begin, length)
    every, member = every.at(rows), member[rows]
    own = np.flatnonzero(zone[rows] == zone_of[segment])
    answers = own[np.argsort(rows[own])]
    day = np.empty(len(rows), dtype=np.int64)
    for code, name in enumerate(zones):
        within = zone_of[segment] == code
        day[within] = local_days(every.start_us[within], name)
    missing_first, missing = _missing_of(missing_days, users, zones, owner, zone_of)
    rules_of, used = _rules_of(rules, users)
    figures = _scan(every, first, day, missing_first, missing, rules_of[owner], used)
    return Judged(every, figures, answers, member, np.asarray(users, dtype=np.object_))


def session_table(
    sessions: pd.DataFrame,
    time_zone: str,
    missing_days: Iterable[date] = (),
    rules: WorkloadRules = DEFAULT_RULES,
) -> pd.DataFrame:
    """Every session of one member as the rules saw it when it closed.

    A row a session with a rep, ascending. Figures that start with `visit_` add up the visit from its first session to
    this one; what comes before is counted in whole visits, a visit belongs to the day of its start. Columns beyond
    those of the session frame:
    day (local midnight, of the session), visit (number), visit_start_us, visit_day, visit_work_j, visit_hard_sets,
    visit_top_load_kg; footing (beginner | returning | baseline: the state before missing days are looked at), state,
    anew (the history began anew after 90 days without), earlier_visits and history_days (since the first session, or
    since 90 days without; at most those of the last 53 weeks), visits_30d, days_off (since the visit before),
    layoff_days and visits_since_layoff (while returning: how long the break was, 1 for the first visit after it),
    missing_7d (up to the visit's day), missing_30d, missing_90d (before it); best_30d_j, best_30d_session, best_90d_j,
    best_90d_session, ratio_30d, ratio_90d, spike (ratio_30d where the state is baseline), best_load_kg (before this
    visit); hard, spaced, spaced_session (of the hard visit too close, or None), habit (trains on consecutive days:
    spacing is context), days_in_a_row (at most 64); week_j and hard_sets_7d (the 7 days that end with the visit's);
    baseline (usual | yellow | red, or why there is none: beginner | returning | few-weeks | missing | no-load | alike),
    baseline_z, baseline_mean_j, baseline_sd_j, baseline_weeks (compared with), baseline_weeks_left_out (they have
    missing days), baseline_missing_days (of all days looked at); joined_spacing, joined_baseline (what would make an
    alert of a warn), severity (of the spike; None where there is none).
    Raises ZoneInfoNotFoundError for an unknown time zone.
    """
    return judge(Sessions.of_frame(sessions), time_zone, missing_days, rules).frame()


def spike_severity(ratio: float, *, joined: bool = False, rules: WorkloadRules = DEFAULT_RULES) -> Severity | None:
    """How loud a session spike is: > 1.10 note, > 1.30 warn, > 2.00 alert (Frandsen 2025).

    joined: together with spacing or a red baseline, which makes an alert of a warn (judgement).
    """
    if ratio > rules.spike_alert or (joined and ratio > rules.spike_alert_joined):
        return "alert"
    if ratio > rules.spike_warn:
        return "warn"
    return "note" if ratio > rules.spike_note else None


def _scan(
    sessions: Sessions,
    first: Micros,
    day: Micros,
    missing_first: Micros,
    missing: Micros,
    rules_of: Micros,
    rules: Sequence[WorkloadRules],
) -> NDArray[np.void]:
    figures = np.empty(len(sessions), dtype=FIGURES)
    judge_segments(
        first,
        sessions.start_us,
        sessions.end_us,
        sessions.work_j,
        sessions.top_load_kg,
        sessions.hard_sets,
        day,
        missing_first,
        missing,
        rules_of,
        np.array([_values(one) for one in rules], dtype=RULES),
        figures,
    )
    return figures


def rules_record(rules: WorkloadRules) -> np.void:
    """Rules as the compiled scan takes them: one record of RULES."""
    record: np.void = np.array([_values(rules)], dtype=RULES)[0]
    return record


@lru_cache(maxsize=1_024)
def _values(rules: WorkloadRules) -> tuple[float | bool, ...]:
    return tuple(cast("float | bool", getattr(rules, name)) for name in RULES.names or ())


def _missing_of(
    missing_days: pd.DataFrame | None,
    users: pd.Index,
    zones: pd.Index,
    owner: Micros,
    zone_of: Micros,
) -> tuple[Micros, Micros]:
    """The missing days of each segment, one after the other: where each one's begin, and the days."""
    if missing_days is None or not len(missing_days):
        return np.zeros(len(owner) + 1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    days = pd.DataFrame(
        {
            "member": users.get_indexer(pd.Index(missing_days["user"])),
            "day": pd.to_datetime(missing_days["day"]).to_numpy().astype("datetime64[D]").astype(np.int64),
        }
    )
    segments = pd.DataFrame({"member": owner, "segment": np.arange(len(owner))})
    by = ["member"]
    if "time_zone" in missing_days:
        days["zone"], segments["zone"], by = (
            zones.get_indexer(pd.Index(missing_days["time_zone"])),
            zone_of,
            ["member", "zone"],
        )
    found = segments.merge(days, on=by)[["segment", "day"]].drop_duplicates().sort_values(["segment", "day"])
    first = np.searchsorted(found["segment"].to_numpy(), np.arange(len(owner) + 1))
    # A copy: what belongs to pandas may not be written to, and the scan would be compiled anew for that.
    return first, np.array(found["day"], dtype=np.int64)


def _rules_of(rules: RulesOfAll, users: pd.Index) -> tuple[Micros, list[WorkloadRules]]:
    """Which of the rules each user has, and the rules."""
    if isinstance(rules, WorkloadRules):
        return np.zeros(len(users), dtype=np.int64), [rules]
    used: dict[WorkloadRules, int] = {}
    codes = [used.setdefault(rules.get(user, DEFAULT_RULES), len(used)) for user in users]
    return np.array(codes, dtype=np.int64), list(used) or [DEFAULT_RULES]
