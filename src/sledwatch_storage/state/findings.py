"""Findings in the state DB: what the rules said of a session, replaced whole by each closing."""

from collections.abc import Collection, Sequence
from typing import Any, Final, TypedDict, cast

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select

from sledwatch.events import Severity, Tier
from sledwatch.findings.pain import PAIN
from sledwatch_storage.state.reading import Bind, beyond, cursor, reading
from sledwatch_storage.state.schema import finding
from sledwatch_storage.state.upsert import put

# Closing asks this for each session: building a statement costs as much as executing it.
_OF_SESSIONS: Final = (
    select(finding)
    .where(finding.c.session.in_(bindparam("sessions", expanding=True)))
    .order_by(finding.c.at_us, finding.c.id)
)


class StoredFinding(TypedDict):
    """A finding as it is stored.

    at_us: when what it is about happened. evidence: named figures, units in their names.
    """

    id: str
    session: str | None
    gym: str
    machine: str | None
    user: str | None
    rule: str
    severity: Severity
    at_us: int
    set: int | None
    count: int
    title: str
    message: str
    advice: str
    evidence: dict[str, Any]
    limit_tier: Tier | None


def list_findings(
    bind: Bind,
    user: str | None = None,
    session: str | None = None,
    rule: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[StoredFinding]:
    """Findings, newest first, at most `limit`.

    after: the `cursor_of` the last one of the page before. Raises BadCursor.
    """
    query = select(finding).order_by(finding.c.at_us.desc(), finding.c.id.desc()).limit(limit)
    for column, value in ((finding.c.user, user), (finding.c.session, session), (finding.c.rule, rule)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(beyond(after, finding.c.at_us, finding.c.id))
    with reading(bind) as connection:
        return [_stored(row) for row in connection.execute(query).mappings()]


def cursor_of(item: StoredFinding) -> str:
    """Where a list goes on after this finding."""
    return cursor(item["at_us"], item["id"])


def findings_of(bind: Bind, sessions: Sequence[str]) -> dict[str, list[StoredFinding]]:
    """The findings of each of these sessions, by time."""
    found: dict[str, list[StoredFinding]] = {session: [] for session in sessions}
    with reading(bind) as connection:
        for row in connection.execute(_OF_SESSIONS, {"sessions": list(sessions)}).mappings():
            found[row["session"]].append(_stored(row))
    return found


def replace_findings(connection: Connection, session: str, findings: Sequence[StoredFinding]) -> None:
    """Put these in place of all findings of a session, within a writing transaction; what notes told of it stays."""
    connection.execute(delete(finding).where(finding.c.session == session, finding.c.rule != PAIN))
    if findings:
        connection.execute(insert(finding), [dict(item) for item in findings])


def get_finding(bind: Bind, finding_id: str) -> StoredFinding | None:
    """One finding, None where there is none with this id."""
    with reading(bind) as connection:
        row = connection.execute(select(finding).where(finding.c.id == finding_id)).mappings().one_or_none()
    return None if row is None else _stored(row)


def put_finding(connection: Connection, item: StoredFinding) -> None:
    """Put a finding in place of the one with its id, within a writing transaction."""
    put(connection, finding, [dict(item)])


def remove_finding(connection: Connection, finding_id: str) -> None:
    """Let go of a finding, within a writing transaction."""
    connection.execute(delete(finding).where(finding.c.id == finding_id))


def findings_around(bind: Bind, user: str, from_us: int, to_us: int, sessions: Collection[str]) -> list[StoredFinding]:
    """The findings of a member from one time to another, and those of these sessions, by time."""
    there = finding.c.at_us.between(from_us, to_us) | finding.c.session.in_(sessions)
    query = select(finding).where(finding.c.user == user, there).order_by(finding.c.at_us, finding.c.id)
    with reading(bind) as connection:
        return [_stored(row) for row in connection.execute(query).mappings()]


def _stored(row: RowMapping) -> StoredFinding:
    return cast(StoredFinding, dict(row))
