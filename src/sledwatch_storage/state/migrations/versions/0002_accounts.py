"""Quarantine that can be replayed and is tallied, what befell machines, their clocks, and what is copied."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("ledger", sa.Column("clock", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("session", sa.Column("copied_version", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("size", sa.Integer(), server_default="0", nullable=False))
    op.add_column("quarantine", sa.Column("replay_asked_us", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("replayed_us", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.create_index(op.f("ix_quarantine_replay_asked_us"), "quarantine", ["replay_asked_us"])
    op.execute("UPDATE quarantine SET size = length(payload)")
    op.create_table(
        "quarantine_tally",
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("dropped_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("gym", "reason", name=op.f("pk_quarantine_tally")),
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
    op.create_index(op.f("ix_machine_event_gym_machine_at_us"), "machine_event", ["gym", "machine", "at_us"])


def downgrade() -> None:
    op.drop_table("machine_event")
    op.drop_table("quarantine_tally")
    op.drop_index(op.f("ix_quarantine_replay_asked_us"), table_name="quarantine")
    for table, column in (
        ("quarantine", "tries"),
        ("quarantine", "replayed_us"),
        ("quarantine", "replay_asked_us"),
        ("quarantine", "size"),
        ("session", "copied_version"),
        ("ledger", "clock"),
    ):
        op.drop_column(table, column)
