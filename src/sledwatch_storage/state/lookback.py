"""What a member did and what was said of it, over a span of time: what is shown beside their load on one time axis.

Each question is answered through the index by member and time; reps are found by their sessions.
"""

from collections.abc import Sequence
from typing import Any, Final, TypedDict, cast

import numpy as np
import pandas as pd
from sqlalchemy import Select, bindparam, case, func, select

from sledwatch.events import Severity
from sledwatch_storage.state import schema
from sledwatch_storage.state.reading import Bind, reading

_session, _rep, _finding, _alert = schema.session, schema.rep, schema.finding, schema.alert
_note, _change = schema.note, schema.limit_change

_in_span = (
    (_session.c.user == bindparam("user"))
    & (_session.c.state == "closed")
    & _session.c.start_us.between(bindparam("from_us"), bindparam("until_us"))
)
# Of each set its last rep that says how much slower it was than the fastest.
_sure = (_rep.c.quality == "ok") & _rep.c.velocity_loss_pct.is_not(None)
_ends = (
    select(_rep.c.session, _rep.c.set, func.max(case((_sure, _rep.c.rep))).label("last"))
    .join_from(_session, _rep, _rep.c.session == _session.c.session)
    .where(_in_span)
    .group_by(_rep.c.session, _rep.c.set)
    .subquery()
)
_last = schema.rep.alias()
_SETS: Final = select(_ends.c.session, _last.c.velocity_loss_pct).outerjoin(
    _last, (_last.c.session == _ends.c.session) & (_last.c.rep == _ends.c.last)
)
_TOO_DEEP: Final = (
    select(_session.c.start_us, _rep.c.load_kg, _rep.c.over_mm, _rep.c.limit_tier, _rep.c.quality)
    .join_from(_session, _rep, _rep.c.session == _session.c.session)
    .where(_in_span, _rep.c.over_mm > 0)
)
_STRENGTHS: Final = (
    select(_session.c.session, _session.c.gym, _session.c.machine, _session.c.start_us, _session.c.strength)
    .where(_in_span, _session.c.strength.is_not(None))
    .order_by(_session.c.start_us, _session.c.session)
)
_FINDINGS: Final = (
    select(*(_finding.c[name] for name in ("id", "session", "rule", "severity", "at_us", "title")))
    .where(_finding.c.user == bindparam("user"), _finding.c.at_us.between(bindparam("from_us"), bindparam("until_us")))
    .order_by(_finding.c.at_us, _finding.c.id)
)
_ALERTS: Final = (
    select(*(_alert.c[name] for name in ("id", "session", "rule", "severity", "state", "first_us", "last_us", "title")))
    .where(_alert.c.user == bindparam("user"), _alert.c.last_us.between(bindparam("from_us"), bindparam("until_us")))
    .order_by(_alert.c.last_us, _alert.c.id)
)
_NOTES: Final = (
    select(_note.c.id, _note.c.kind, _note.c.at_us, _note.c.session, _note.c.text)
    .where(_note.c.user == bindparam("user"), _note.c.at_us.between(bindparam("from_us"), bindparam("until_us")))
    .where(_note.c.taken_back_us.is_(None))
    .order_by(_note.c.at_us, _note.c.id)
)
_CHANGES: Final = (
    select(
        *(
            _change.c[name]
            for name in ("gym", "machine", "notch", "foot_row", "change", "limit_mm", "how", "changed_us", "changed_by")
        )
    )
    .where(_change.c.user == bindparam("user"), _change.c.changed_us <= bindparam("until_us"))
    .order_by(_change.c.gym, _change.c.machine, _change.c.notch, _change.c.foot_row, _change.c.id)
)


class FoundThen(TypedDict):
    """A finding, as briefly as a mark on a time axis needs it."""

    id: str
    session: str | None
    rule: str
    severity: Severity
    at_us: int
    title: str


class AlertThen(TypedDict):
    """An alert, as briefly as a mark on a time axis needs it."""

    id: str
    session: str | None
    rule: str
    severity: Severity
    state: str
    first_us: int
    last_us: int
    title: str


class NoteThen(TypedDict):
    """A note that stands."""

    id: int
    kind: str
    at_us: int
    session: str | None
    text: str | None


class StrengthThen(TypedDict):
    """What a session showed of a member's strength on its machine: sledwatch.strength.Strength, ready for JSON."""

    session: str
    gym: str
    machine: str
    start_us: int
    strength: dict[str, Any]


class LimitThen(TypedDict):
    """A change of a limit; of a deletion, what was taken away."""

    gym: str
    machine: str
    notch: int
    foot_row: int
    change: str
    limit_mm: float
    how: str
    changed_us: int
    changed_by: str


def velocity_losses(bind: Bind, user: str, from_us: int, until_us: int) -> dict[str, list[float | None]]:
    """How much slower than its fastest rep each set ended, in %, by session; None where no velocity says it."""
    found: dict[str, list[float | None]] = {}
    for session, loss_pct in _rows(bind, _SETS, user, from_us, until_us):
        found.setdefault(session, []).append(loss_pct)
    return found


def reps_too_deep(bind: Bind, user: str, from_us: int, until_us: int) -> pd.DataFrame:
    """The reps beyond any limit: `start_us` of the session, `load_kg`, `over_mm`, `limit_tier`, `quality`."""
    rows = _rows(bind, _TOO_DEEP, user, from_us, until_us)
    start_us, load_kg, over_mm, tier, quality = zip(*rows, strict=True) if rows else [()] * 5
    return pd.DataFrame(
        {
            "start_us": np.array(start_us, dtype=np.int64),
            "load_kg": np.array(load_kg, dtype=np.float64),
            "over_mm": np.array(over_mm, dtype=np.float64),
            "limit_tier": pd.Series(tier, dtype=object),
            "quality": pd.Series(quality, dtype=object),
        }
    )


def strengths(bind: Bind, user: str, from_us: int, until_us: int) -> list[StrengthThen]:
    """What each session showed of the member's strength on its machine, by time."""
    return cast("list[StrengthThen]", _mappings(bind, _STRENGTHS, user, from_us, until_us))


def findings_then(bind: Bind, user: str, from_us: int, until_us: int) -> list[FoundThen]:
    """What was found, by time."""
    return cast("list[FoundThen]", _mappings(bind, _FINDINGS, user, from_us, until_us))


def alerts_then(bind: Bind, user: str, from_us: int, until_us: int) -> list[AlertThen]:
    """The alerts that last happened then, by time."""
    return cast("list[AlertThen]", _mappings(bind, _ALERTS, user, from_us, until_us))


def notes_then(bind: Bind, user: str, from_us: int, until_us: int) -> list[NoteThen]:
    """What was felt then, by time, but for what was taken back."""
    return cast("list[NoteThen]", _mappings(bind, _NOTES, user, from_us, until_us))


def limit_changes_until(bind: Bind, user: str, until_us: int) -> list[LimitThen]:
    """Every change of the member's limits up to a time, by machine, notch, foot row, and then in order."""
    return cast("list[LimitThen]", _mappings(bind, _CHANGES, user, 0, until_us))


def _rows(bind: Bind, query: Select[Any], user: str, from_us: int, until_us: int) -> Sequence[Any]:
    with reading(bind) as connection:
        return connection.execute(query, {"user": user, "from_us": from_us, "until_us": until_us}).all()


def _mappings(bind: Bind, query: Select[Any], user: str, from_us: int, until_us: int) -> list[dict[str, Any]]:
    with reading(bind) as connection:
        found = connection.execute(query, {"user": user, "from_us": from_us, "until_us": until_us})
        return [dict(row) for row in found.mappings()]
