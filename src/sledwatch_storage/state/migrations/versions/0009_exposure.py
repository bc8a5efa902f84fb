"""Reps beyond a calibrated limit in the daily loads; which days were missing when a session was judged, and an index of
the boots of which something is."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

has_missing = sa.text("judged_missing IS NOT NULL")
has_gaps = sa.text("(missing > 0 OR lost > 0 OR refused > 0)")
ROWS_AT_ONCE = 1_000


def upgrade() -> None:
    op.create_index("ix_ledger_gaps", "ledger", ["gym", "machine"], sqlite_where=has_gaps, postgresql_where=has_gaps)
    op.add_column("session", sa.Column("judged_missing", sa.JSON(none_as_null=True), nullable=True))
    op.create_index(
        "ix_session_missing", "session", ["start_us"], sqlite_where=has_missing, postgresql_where=has_missing
    )
    op.add_column("daily_load", sa.Column("over_reps", sa.Integer(), server_default="0", nullable=False))
    op.add_column("daily_load", sa.Column("exposure_kg_mm", sa.Float(), server_default="0", nullable=False))
    _fill(op.get_bind())


def downgrade() -> None:
    op.drop_column("daily_load", "exposure_kg_mm")
    op.drop_column("daily_load", "over_reps")
    op.drop_index("ix_session_missing", table_name="session")
    op.drop_column("session", "judged_missing")
    op.drop_index("ix_ledger_gaps", table_name="ledger")


def _fill(connection: sa.Connection) -> None:
    """Sum up what is stored; days are those of each session's gym."""
    session = sa.table("session", *map(sa.column, ("session", "user", "gym", "start_us", "state")))
    rep = sa.table("rep", *map(sa.column, ("session", "load_kg", "over_mm", "limit_tier", "quality")))
    gym = sa.table("gym", sa.column("gym"), sa.column("time_zone"))
    over = (
        sa.select(session.c.user, gym.c.time_zone, session.c.start_us, sa.func.count())
        .add_columns(sa.func.sum(rep.c.load_kg * rep.c.over_mm))
        .select_from(rep.join(session, session.c.session == rep.c.session).join(gym, gym.c.gym == session.c.gym))
        .where(rep.c.over_mm > 0, rep.c.quality == "ok", rep.c.limit_tier.in_(("calibrated", "transferred")))
        .where(session.c.state == "closed")
        .group_by(session.c.session, session.c.user, gym.c.time_zone, session.c.start_us)
    )
    days: defaultdict[tuple[str, date], list[float]] = defaultdict(lambda: [0, 0.0])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for user, time_zone, start_us, reps, exposure in connection.execute(over):
        day = (epoch + timedelta(microseconds=start_us)).astimezone(ZoneInfo(time_zone)).date()
        days[user, day][0] += reps
        days[user, day][1] += exposure
    load = sa.table(
        "daily_load",
        sa.column("user"),
        sa.column("day", sa.Date()),
        sa.column("over_reps"),
        sa.column("exposure_kg_mm"),
    )
    put = (
        sa.update(load)
        .where(load.c.user == sa.bindparam("of"), load.c.day == sa.bindparam("on"))
        .values(over_reps=sa.bindparam("reps"), exposure_kg_mm=sa.bindparam("exposure"))
    )
    rows = [
        {"of": user, "on": day, "reps": reps, "exposure": exposure} for (user, day), (reps, exposure) in days.items()
    ]
    for first in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(put, rows[first : first + ROWS_AT_ONCE])
