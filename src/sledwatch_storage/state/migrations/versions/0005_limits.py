"""Limits with their setting and their history, calibration visits, clinicians' protocols, what a closing has frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_NEW = ("how", "setup", "session", "visit_reps", "note")


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("depth_limit", sa.Column("how", sa.String(length=16), server_default="figure", nullable=False))
    op.add_column("depth_limit", sa.Column("setup", _json(), nullable=True))
    op.add_column("depth_limit", sa.Column("session", sa.String(length=64), nullable=True))
    op.add_column("depth_limit", sa.Column("visit_reps", sa.Integer(), nullable=True))
    op.add_column("depth_limit", sa.Column("note", sa.Text(), nullable=True))
    op.execute("UPDATE depth_limit SET how = 'rep' WHERE from_rep IS NOT NULL")
    op.create_table(
        "limit_change",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("notch", sa.Integer(), nullable=False),
        sa.Column("foot_row", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(length=8), nullable=False),
        sa.Column("limit_mm", sa.Float(), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("from_rep", _json(), nullable=True),
        sa.Column("setup", _json(), nullable=True),
        sa.Column("session", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_change")),
    )
    op.create_index(op.f("ix_limit_change_user_gym_machine_id"), "limit_change", ["user", "gym", "machine", "id"])
    # The history begins with what is set now: earlier versions were not kept.
    op.execute(
        'INSERT INTO limit_change ("user", gym, machine, notch, foot_row, change, limit_mm, how, from_rep, changed_by, '
        "changed_us, version) SELECT \"user\", gym, machine, notch, foot_row, 'set', limit_mm, how, from_rep, set_by, "
        'set_us, version FROM depth_limit ORDER BY set_us, "user", gym, machine, notch, foot_row'
    )
    op.create_table(
        "calibration",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("begun_by", sa.String(length=64), nullable=False),
        sa.Column("begun_us", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=True),
        sa.Column("reps_before", sa.Integer(), nullable=False),
        sa.Column("empty_kg", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("user", "gym", "machine", name=op.f("pk_calibration")),
    )
    op.create_table(
        "protocol",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("windows", _json(), nullable=False),
        sa.Column("load_cap_kg", sa.Float(), nullable=True),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("clinician", sa.String(length=200), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("user", "version", name=op.f("pk_protocol")),
    )
    op.add_column("session", sa.Column("frozen", _json(), nullable=True))


def downgrade() -> None:
    op.drop_column("session", "frozen")
    op.drop_table("protocol")
    op.drop_table("calibration")
    op.drop_table("limit_change")
    for name in reversed(_NEW):
        op.drop_column("depth_limit", name)
