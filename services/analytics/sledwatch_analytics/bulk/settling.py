"""What was found anew against what stands in the state DB: told by rule, and put in its place."""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal, cast

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, delete, insert, select, update

from sledwatch.findings import Finding
from sledwatch_analytics.bulk.analysing import findings_of
from sledwatch_analytics.closing.judging import as_stored, of_member
from sledwatch_analytics.closing.pain import judge_pain_again
from sledwatch_analytics.closing.raising import NEWS_US, WORKLOAD, settle_alerts
from sledwatch_storage.state import notes, schema
from sledwatch_storage.state.days import refresh_days
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.findings import StoredFinding
from sledwatch_storage.state.imports import PAUSE_S
from sledwatch_storage.state.members import names_of
from sledwatch_storage.state.sessions import time_zone_of

Change = Literal["new", "gone", "severity", "words", "same"]

CHANGES: Final[tuple[Change, ...]] = ("new", "gone", "severity", "words", "same")
_SESSIONS_READ: Final = 500
# What one transaction writes: some tenths of a second, for which others wait.
_SESSIONS_AT_ONCE: Final = 100
_NOT_MET: Final = "Withdrawn: judged anew by the rules of today, over the whole history, it is not met."

_session, _finding = schema.session, schema.finding


@dataclass(slots=True)
class Comparison:
    """What differs from what stands. findings: by rule and kind of change. members: of whom anything differs, by rule.

    alerts: raised, changed, withdrawn. sessions: judged; rejudged: by other rules than they stand by; recounted: with
    other hard sets; differing: their reps add up to other figures than stand; left: they changed meanwhile.
    """

    findings: dict[str, Counter[Change]] = field(default_factory=lambda: defaultdict(Counter))
    members: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    alerts: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    rejudged: int = 0
    recounted: int = 0
    differing: int = 0
    left: int = 0

    @property
    def changed(self) -> int:
        """How many findings differ."""
        return sum(count for of_rule in self.findings.values() for kind, count in of_rule.items() if kind != "same")

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        rules = {
            rule: {kind: self.findings[rule][kind] for kind in CHANGES} | {"members": len(self.members[rule])}
            for rule in sorted(self.findings)
        }
        return {
            "findings": rules,
            "alerts": {kind: self.alerts[kind] for kind in ("raised", "changed", "withdrawn")},
            "members_concerned": len(set().union(*self.members.values())),
            "sessions": self.sessions,
            "rejudged": self.rejudged,
            "recounted": self.recounted,
            "differing": self.differing,
            "left": self.left,
        }


@dataclass(frozen=True, slots=True)
class _Judged:
    """A session with what stands of it and what was found anew, which is of a nameless member."""

    row: Mapping[str, Any]
    stands: Sequence[StoredFinding]
    found: Sequence[Finding]
    named: Sequence[StoredFinding]
    name: str
    frozen: dict[str, Any] | None

    @property
    def whose(self) -> dict[str, str]:
        return {name: self.row[name] for name in ("session", "gym", "machine", "user")}

    @property
    def findings_differ(self) -> bool:
        return {one["rule"]: one for one in self.stands} != {one["rule"]: one for one in self.named}

    @property
    def rules(self) -> dict[str, Any]:
        """As they are frozen with the session."""
        return {"rules": json.loads(self.row["rules"]), "rules_version": self.row["rules_version"]}

    @property
    def rules_differ(self) -> bool:
        frozen = self.frozen or {}
        return self.rules != {"rules": frozen.get("rules", {}), "rules_version": frozen.get("rules_version", 0)}

    @property
    def hard_sets_differ(self) -> bool:
        return bool(self.row["hard_sets"] != self.row["stood_hard_sets"])

    @property
    def differs(self) -> bool:
        return self.findings_differ or self.rules_differ or self.hard_sets_differ


def settle(
    engine: Engine,
    results: Sequence[Path],
    now_us: int,
    report: Callable[[int], None],
    stop: threading.Event,
    *,
    dry_run: bool,
    rest: Callable[[float], None] = time.sleep,
) -> Comparison:
    """Compare all results with what stands, and put them in its place, some hundred sessions a transaction.

    Sessions that were closed anew since they were exported are left as they are, and counted. dry_run: every
    transaction is rolled back, so that what is told is what would have been done. report: told how many sessions are
    compared.
    Broken off by `stop`, the rest is as it was; doing it again goes on. Raises StateUnavailable.
    """
    compared = Comparison()
    for path in results:
        for rows in _by_portions(path):
            if stop.is_set():
                return compared
            judged = _compared(engine, rows, compared)
            for first in range(0, len(judged), _SESSIONS_AT_ONCE):
                _settle(engine, judged[first : first + _SESSIONS_AT_ONCE], now_us, compared, dry_run=dry_run)
                if engine.dialect.name == "sqlite":
                    # Whoever waits for SQLite's lock looks for it every so often.
                    rest(PAUSE_S)
            report(compared.sessions)
    return compared


def _by_portions(path: Path) -> Iterator[list[dict[str, Any]]]:
    for batch in pq.ParquetFile(path).iter_batches(_SESSIONS_READ):
        yield pa.Table.from_batches([batch]).to_pylist()


def _compared(engine: Engine, rows: Sequence[dict[str, Any]], compared: Comparison) -> list[_Judged]:
    """Count what differs; returns the sessions of which anything does."""
    sessions = [row["session"] for row in rows]
    with engine.connect() as connection:
        names = names_of(connection, {row["user"] for row in rows})
        now = _standing(connection, sessions)
        stand = _findings(connection, sessions)
    differing = []
    for row in rows:
        session, user = row["session"], row["user"]
        compared.sessions += 1
        found = now.get(session)
        if found is None or (found["closed_version"], found["hard_sets"] or 0) != _seen(row):
            compared.left += 1
            continue
        name = names.get(user, user)
        anew = findings_of(row["findings"])
        whose = {"session": session, "gym": row["gym"], "machine": row["machine"], "user": user}
        named = [_as_read(as_stored(of_member(one, name), **whose)) for one in anew]
        judged = _Judged(row, stand[session], anew, named, name, found["frozen"])
        _count(judged, compared)
        if judged.differs:
            differing.append(judged)
    return differing


def _count(judged: _Judged, compared: Comparison) -> None:
    stood = {one["rule"]: one for one in judged.stands}
    found = {one["rule"]: one for one in judged.named}
    for rule in sorted(stood | found):
        kind = _change(stood.get(rule), found.get(rule))
        compared.findings[rule][kind] += 1
        if kind != "same":
            compared.members[rule].add(judged.row["user"])
    compared.rejudged += judged.rules_differ
    compared.recounted += judged.hard_sets_differ
    compared.differing += not judged.row["agrees"]


def _change(stood: StoredFinding | None, found: StoredFinding | None) -> Change:
    if stood is None:
        return "new"
    if found is None:
        return "gone"
    if stood["severity"] != found["severity"]:
        return "severity"
    return "same" if stood == found else "words"


def _settle(engine: Engine, judged: Sequence[_Judged], now_us: int, compared: Comparison, *, dry_run: bool) -> None:
    with begin(engine) as connection:
        alerts, left = _write(connection, judged, now_us)
        if dry_run:
            connection.rollback()
    compared.alerts += alerts
    compared.left += left


def _write(connection: Connection, judged: Sequence[_Judged], now_us: int) -> tuple[Counter[str], int]:
    """Everything of some sessions, within a transaction; returns what became of alerts, and how many were left."""
    users = {one.row["user"] for one in judged}
    notes.hold(connection, users)
    now = _standing(connection, [one.row["session"] for one in judged])
    same = [
        one
        for one in judged
        if (found := now.get(one.row["session"])) is not None
        and (found["closed_version"], found["hard_sets"] or 0) == _seen(one.row)
    ]
    told = [one for one in same if one.findings_differ]
    of_workload = _finding.c.rule.like(f"{WORKLOAD}%")
    connection.execute(
        delete(_finding).where(_finding.c.session.in_([one.row["session"] for one in told]), of_workload)
    )
    if rows := [dict(finding) for one in told for finding in one.named]:
        connection.execute(insert(_finding), rows)
    for one in same:
        _mark(connection, one)
    alerts: Counter[str] = Counter()
    for one in told:
        alerts += _settle_alerts(connection, one, now_us)
    for user, of_user in groupby(sorted(told, key=lambda one: one.row["user"]), key=lambda one: one.row["user"]):
        theirs = list(of_user)
        span_us = min(one.row["start_us"] for one in theirs), max(one.row["end_us"] for one in theirs)
        alerts["changed"] += len(judge_pain_again(connection, [user], span_us, now_us))
    return +alerts, len(judged) - len(same)


def _mark(connection: Connection, one: _Judged) -> None:
    """Note by which rules a session stands now, and its hard sets by them."""
    values: dict[str, Any] = {}
    if one.rules_differ:
        values["frozen"] = {"limits": [], "protocol": None, **(one.frozen or {}), **one.rules}
    if one.hard_sets_differ:
        # What was copied of it is not what it is now.
        values |= {"hard_sets": one.row["hard_sets"], "copied_version": None}
    if values:
        connection.execute(update(_session).where(_session.c.session == one.row["session"]).values(**values))
    if one.hard_sets_differ:
        zone = time_zone_of(connection, one.row["gym"])
        refresh_days(connection, one.row["user"], one.row["start_us"], one.row["start_us"], zone)


def _settle_alerts(connection: Connection, one: _Judged, now_us: int) -> Counter[str]:
    known = set(_alerts_of(connection, one))
    changed = settle_alerts(
        connection,
        one.found,
        one.name,
        one.whose,
        now_us,
        may_withdraw=False,
        is_news=now_us <= one.row["end_us"] + NEWS_US,
        judged_rules=(WORKLOAD,),
        why=_NOT_MET,
    )
    kinds: Counter[str] = Counter()
    for alert in changed:
        kinds["withdrawn" if alert.state == "resolved" else "changed" if alert.id in known else "raised"] += 1
    return kinds


def _alerts_of(connection: Connection, one: _Judged) -> Sequence[str]:
    alert = schema.alert
    return connection.execute(select(alert.c.id).where(alert.c.user == one.row["user"])).scalars().all()


def _standing(connection: Connection, sessions: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    names = ("session", "closed_version", "hard_sets", "frozen")
    query = select(*(_session.c[name] for name in names)).where(
        _session.c.session.in_(sessions), _session.c.state == "closed"
    )
    return {row["session"]: dict(row) for row in connection.execute(query).mappings()}


def _seen(row: Mapping[str, Any]) -> tuple[int | None, int]:
    """What an export saw of a session that a later closing changes."""
    return row["closed_version"], row["stood_hard_sets"]


def _findings(connection: Connection, sessions: Sequence[str]) -> dict[str, list[StoredFinding]]:
    query = select(_finding).where(_finding.c.session.in_(sessions), _finding.c.rule.like(f"{WORKLOAD}%"))
    found: dict[str, list[StoredFinding]] = {session: [] for session in sessions}
    for row in connection.execute(query).mappings():
        found[row["session"]].append(cast("StoredFinding", dict(row)))
    return found


def _as_read(finding: StoredFinding) -> StoredFinding:
    """A finding as it is read again once it is stored."""
    return cast("StoredFinding", finding | {"evidence": msgspec.json.decode(msgspec.json.encode(finding["evidence"]))})
