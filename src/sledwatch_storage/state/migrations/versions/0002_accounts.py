"""Quarantine that can be replayed and is tallied, what befell machines, their clocks, and what is copied."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

not_copied = "reps IS NOT NULL AND (copied_version IS NULL OR copied_version < closed_version)"
row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


_COUNTS = ("stored", "missing", "lost")


def upgrade() -> None:
    op.add_column("ledger", sa.Column("clock", sa.JSON(none_as_null=True), nullable=True))
    for name in _COUNTS:
        op.add_column("ledger", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    _count()
    op.add_column("session", sa.Column("copied_version", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_session_not_copied",
        "session",
        ["start_us"],
        sqlite_where=sa.text(not_copied),
        postgresql_where=sa.text(not_copied),
    )
    op.add_column("quarantine", sa.Column("size", sa.Integer(), server_default="0", nullable=False))
    op.add_column("quarantine", sa.Column("replay_asked_us", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("replayed_us", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.create_index(op.f("ix_quarantine_replay_asked_us"), "quarantine", ["replay_asked_us"])
    op.create_index(op.f("ix_quarantine_replayed_us"), "quarantine", ["replayed_us"])
    op.execute("UPDATE quarantine SET size = length(payload)")
    op.create_table(
        "quarantine_tally",
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("held_bytes", sa.BigInteger(), nullable=False),
        sa.Column("replayed", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("dropped_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("gym", "reason", name=op.f("pk_quarantine_tally")),
    )
    op.execute(
        "INSERT INTO quarantine_tally (gym, reason, refused, held, held_bytes, replayed, expired, dropped) "
        "SELECT coalesce(gym, ''), reason, sum(count), count(*), sum(size), 0, 0, 0 FROM quarantine "
        "GROUP BY coalesce(gym, ''), reason"
    )
    op.create_table(
        "machine_event",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("copied", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_event")),
    )
    op.create_index(op.f("ix_machine_event_copied"), "machine_event", ["copied"])
    op.create_index(op.f("ix_machine_event_gym_machine_id"), "machine_event", ["gym", "machine", "id"])


def downgrade() -> None:
    op.drop_table("machine_event")
    op.drop_table("quarantine_tally")
    op.drop_index("ix_session_not_copied", table_name="session")
    op.drop_index(op.f("ix_quarantine_replay_asked_us"), table_name="quarantine")
    op.drop_index(op.f("ix_quarantine_replayed_us"), table_name="quarantine")
    for table, column in (
        ("quarantine", "tries"),
        ("quarantine", "replayed_us"),
        ("quarantine", "replay_asked_us"),
        ("quarantine", "size"),
        ("session", "copied_version"),
        ("ledger", "clock"),
        *(("ledger", name) for name in _COUNTS),
    ):
        op.drop_column(table, column)


def _count() -> None:
    """Work out the new counts of the boots that are on record already."""
    connection = op.get_bind()
    ledger = sa.table("ledger", *(sa.column(name) for name in ("gym", "machine", "boot", "oldest_seq", *_COUNTS)))
    found = connection.execute(
        sa.text(
            "SELECT gym, machine, boot, oldest_seq, CAST(ranges AS TEXT) AS ranges, "
            "CAST(refused_ranges AS TEXT) AS refused_ranges FROM ledger"
        )
    ).all()
    for row in found:
        stored, refused = json.loads(row.ranges), json.loads(row.refused_ranges)
        counts = _counts(stored, refused, row.oldest_seq)
        of_row = (ledger.c.gym == row.gym, ledger.c.machine == row.machine, ledger.c.boot == row.boot)
        connection.execute(sa.update(ledger).where(*of_row).values(**dict(zip(_COUNTS, counts, strict=True))))


def _counts(stored: list[list[int]], refused: list[list[int]], oldest_seq: int) -> tuple[int, int, int]:
    """How many numbers are stored, missing, and lost below the oldest that the machine still had."""
    missing = lost = 0
    upto = -1
    for low, high in [*sorted(stored + refused), [oldest_seq, -1]]:
        if low > upto + 1:
            gone = max(0, min(low, oldest_seq) - (upto + 1))
            lost, missing = lost + gone, missing + low - (upto + 1) - gone
        upto = max(upto, high)
    return sum(high - low + 1 for low, high in stored), missing, lost
