"""What other settings of the rules of overuse would have raised: the sessions of some weeks, judged by both."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args

import pandas as pd
from sqlalchemy import Engine

from sledwatch.events import Severity
from sledwatch.findings import findings_in_bulk
from sledwatch.rules import RulesInForce
from sledwatch.workload import judge_all
from sledwatch_analytics.closing.workload import HISTORY_US
from sledwatch_storage.state.missing import missing_days_of_all
from sledwatch_storage.state.rules import RuleBook, Scope
from sledwatch_storage.state.training import Span, count_training, training_of

# Some seconds of work. Judgement: whoever tries settings waits for the answer, and closings wait with them.
MOST_SESSIONS: Final = 300_000
# What these change is decided where reps or notes are looked at, not here.
NOT_FORESEEN: Final[Mapping[str, str]] = dict.fromkeys(
    ("hard_set_velocity_loss_pct", "hard_set_reps", "hard_set_e1rm_share"),
    "hard sets are counted when a session closes; the preview takes them as they were counted",
) | {"pain_days": "the preview does not look at notes of pain"}


class TooManySessions(Exception):
    """More would have to be judged than a reader waits for; the message says how many."""


@dataclass(frozen=True, slots=True)
class Matter:
    """What a rule said of a visit: one note in a session, or one alert in the inbox. severity: the loudest."""

    user: str
    rule: str
    session: str
    start_us: int
    severity: Severity


Matters = Mapping[tuple[str, str, str], Matter]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What present and tried settings say of the same sessions, by member, rule and first session of the visit.

    sessions: how many were judged; places: gym and machine of each session that a matter names.
    """

    sessions: int
    members: int
    present: Matters
    tried: Matters
    places: Mapping[str, tuple[str, str]]


def foresee(engine: Engine, present: RuleBook, tried: RuleBook, scope: Scope, from_us: int, until_us: int) -> Foreseen:
    """Judge what a scope's members did within a span of time by present settings, and by those that are tried.

    What else holds an alert back at a closing (a doubtful sensor, a shared badge) is not looked at, by neither.
    Raises TooManySessions.
    """
    span = Span(from_us - HISTORY_US, from_us, until_us, scope.gym, scope.user)
    count = count_training(engine, span)
    if count > MOST_SESSIONS:
        raise TooManySessions(f"{count} sessions would have to be judged, of {MOST_SESSIONS} at most")
    frame = training_of(engine, span)
    asked = frame[frame["start_us"].between(from_us, until_us)]
    if scope.gym is not None:
        asked = asked[asked["gym"] == scope.gym]
    asked = asked[(asked["work_j"] > 0) | (asked["tonnage_kg"] > 0)]
    missing = _missing_days(engine, frame, span)
    before, after = (_matters(frame, asked, missing, book) for book in (present, tried))
    named = {one.session for matters in (before, after) for one in matters.values()}
    places = asked[asked["session"].isin(named)]
    return Foreseen(
        sessions=len(asked),
        members=asked["user"].nunique(),
        present=before,
        tried=after,
        places={session: (gym, machine) for session, gym, machine in places[["session", "gym", "machine"]].to_numpy()},
    )


def _missing_days(engine: Engine, frame: pd.DataFrame, span: Span) -> pd.DataFrame:
    rows = []
    for zone in frame["time_zone"].unique():
        missing = missing_days_of_all(engine, span.since_us, span.until_us, partial(_zone, zone))
        rows += [(user, day, zone) for user, days in missing.items() for day in days]
    return pd.DataFrame(rows, columns=["user", "day", "time_zone"])


def _zone(zone: str, _user: str) -> str:
    return zone


def _matters(frame: pd.DataFrame, asked: pd.DataFrame, missing: pd.DataFrame, book: RuleBook) -> Matters:
    found: dict[tuple[str, str, str], Matter] = {}
    # A session is judged by the settings of its gym: gyms without any of their own are judged together.
    alike: dict[int, list[str]] = defaultdict(list)
    for gym in asked["gym"].unique():
        own = book.newest.get(Scope(gym=gym))
        alike[own.version if own is not None and own.changed else 0].append(gym)
    for gyms in alike.values():
        there = asked[asked["gym"].isin(gyms)]
        users = there["user"].unique()
        rules: dict[str, RulesInForce] = {user: book.of(gyms[0], user) for user in users}
        of_users = frame if len(alike) == 1 else frame[frame["user"].isin(users)]
        judged = judge_all(of_users, missing, {user: one.rules for user, one in rules.items()})
        wanted = pd.Series(judged.sessions.session[judged.answers]).isin(there["session"]).to_numpy()
        for row, findings in findings_in_bulk(judged, rules, wanted):
            for finding in findings:
                # A visit grows session by session, and what is said of it is one matter.
                key = (row.user or "", finding.rule, row.sessions_of_visit[0])
                former = found.get(key)
                if former is None or _rank(former.severity) < _rank(finding.severity):
                    found[key] = Matter(key[0], finding.rule, row.session, row.start_us, finding.severity)
    return found


def _rank(severity: Severity) -> int:
    return get_args(Severity).index(severity)
