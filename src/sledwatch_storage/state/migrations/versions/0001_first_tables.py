"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=True),
        sa.Column("machine", sa.String(length=64), nullable=True),
        sa.Column("session", sa.String(length=64), nullable=True),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("limit_tier", sa.String(length=16), nullable=True),
        sa.Column("changed_by", sa.String(length=64), nullable=True),
        sa.Column("changed_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_session"), "alert", ["session"], unique=False)
    op.create_index(op.f("ix_alert_state_last_us"), "alert", ["state", "last_us"], unique=False)
    op.create_index(op.f("ix_alert_user"), "alert", ["user"], unique=False)
    op.create_table(
        "daily_load",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("work_j", sa.Float(), nullable=False),
        sa.Column("tonnage_kg", sa.Float(), nullable=False),
        sa.Column("top_load_kg", sa.Float(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("hard_sets", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user", "day", name=op.f("pk_daily_load")),
    )
    op.create_table(
        "depth_limit",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("notch", sa.Integer(), nullable=False),
        sa.Column("foot_row", sa.Integer(), nullable=False),
        sa.Column("limit_mm", sa.Float(), nullable=False),
        sa.Column("from_rep", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user", "gym", "machine", "notch", "foot_row", name=op.f("pk_depth_limit")),
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=True),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=True),
        sa.Column("user", sa.String(length=64), nullable=True),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("set", sa.Integer(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("limit_tier", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_session"), "finding", ["session"], unique=False)
    op.create_index(op.f("ix_finding_user_at_us"), "finding", ["user", "at_us"], unique=False)
    op.create_table(
        "gym",
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gym", name=op.f("pk_gym")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "ledger",
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("ranges", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("refused_ranges", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("oldest_seq", sa.BigInteger(), nullable=False),
        sa.Column("online_us", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("repeated", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("disordered", sa.BigInteger(), nullable=False),
        sa.Column("out_of_range", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gym", "machine", "boot", name=op.f("pk_ledger")),
    )
    op.create_index(op.f("ix_ledger_boot"), "ledger", ["boot"], unique=False)
    op.create_table(
        "machine",
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=True),
        sa.Column("online", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("status_us", sa.BigInteger(), nullable=True),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gym", "machine", name=op.f("pk_machine")),
    )
    op.create_table(
        "member",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("height_mm", sa.Float(), nullable=True),
        sa.Column("sex", sa.String(length=16), nullable=True),
        sa.Column("first_seen_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_member")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("alert", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", "channel", name=op.f("uq_outbox_key_channel")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=True),
        sa.Column("machine", sa.String(length=64), nullable=True),
        sa.Column("boot", sa.String(length=64), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("digest", name=op.f("uq_quarantine_digest")),
    )
    op.create_table(
        "session",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("setup", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("closed_version", sa.BigInteger(), nullable=True),
        sa.Column("limit_mm", sa.Float(), nullable=True),
        sa.Column("limit_tier", sa.String(length=16), nullable=True),
        sa.Column("limit_version", sa.Integer(), nullable=True),
        sa.Column("work_j", sa.Float(), nullable=True),
        sa.Column("tonnage_kg", sa.Float(), nullable=True),
        sa.Column("top_load_kg", sa.Float(), nullable=True),
        sa.Column("reps", sa.Integer(), nullable=True),
        sa.Column("hard_sets", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_gym_machine_start_us"), "session", ["gym", "machine", "start_us"], unique=False)
    op.create_index(op.f("ix_session_state"), "session", ["state"], unique=False)
    op.create_index(op.f("ix_session_user_start_us"), "session", ["user", "start_us"], unique=False)
    op.create_table(
        "session_log",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=True),
        sa.Column("start_seq", sa.BigInteger(), nullable=True),
        sa.Column("start_us", sa.BigInteger(), nullable=True),
        sa.Column("setups", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("end_seq", sa.BigInteger(), nullable=True),
        sa.Column("end_us", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(length=16), nullable=True),
        sa.Column("ended_arrival_us", sa.BigInteger(), nullable=True),
        sa.Column("first_us", sa.BigInteger(), nullable=True),
        sa.Column("last_us", sa.BigInteger(), nullable=True),
        sa.Column("arrival_us", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_session_log")),
    )
    op.create_index(op.f("ix_session_log_arrival_us"), "session_log", ["arrival_us"], unique=False)
    op.create_index(op.f("ix_session_log_gym_machine_boot"), "session_log", ["gym", "machine", "boot"], unique=False)
    op.create_table(
        "sign_in",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in")),
    )
    op.create_table(
        "alert_comment",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("alert", sa.String(length=32), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_alert_comment_alert_alert"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_comment")),
    )
    op.create_index(op.f("ix_alert_comment_alert"), "alert_comment", ["alert"], unique=False)
    op.create_table(
        "rep",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("rep", sa.Integer(), nullable=False),
        sa.Column("set", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("t_start_us", sa.BigInteger(), nullable=False),
        sa.Column("t_turn_us", sa.BigInteger(), nullable=False),
        sa.Column("t_end_us", sa.BigInteger(), nullable=False),
        sa.Column("load_kg", sa.Float(), nullable=False),
        sa.Column("depth_mm", sa.Float(), nullable=False),
        sa.Column("rom_mm", sa.Float(), nullable=False),
        sa.Column("eccentric_s", sa.Float(), nullable=False),
        sa.Column("concentric_s", sa.Float(), nullable=False),
        sa.Column("bottom_dwell_s", sa.Float(), nullable=True),
        sa.Column("mean_velocity_m_s", sa.Float(), nullable=True),
        sa.Column("mean_propulsive_velocity_m_s", sa.Float(), nullable=True),
        sa.Column("peak_velocity_m_s", sa.Float(), nullable=True),
        sa.Column("work_j", sa.Float(), nullable=True),
        sa.Column("velocity_loss_pct", sa.Float(), nullable=True),
        sa.Column("knee_deg", sa.Float(), nullable=True),
        sa.Column("hip_deg", sa.Float(), nullable=True),
        sa.Column("limit_mm", sa.Float(), nullable=True),
        sa.Column("over_mm", sa.Float(), nullable=True),
        sa.Column("limit_tier", sa.String(length=16), nullable=True),
        sa.Column("quality", sa.String(length=8), nullable=False),
        sa.Column("quality_reason", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["session"], ["session.session"], name=op.f("fk_rep_session_session"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session", "rep", name=op.f("pk_rep")),
    )
    op.create_index(op.f("ix_rep_user_machine_t_turn_us"), "rep", ["user", "machine", "t_turn_us"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_rep_user_machine_t_turn_us"), table_name="rep")
    op.drop_table("rep")
    op.drop_index(op.f("ix_alert_comment_alert"), table_name="alert_comment")
    op.drop_table("alert_comment")
    op.drop_table("sign_in")
    op.drop_index(op.f("ix_session_log_gym_machine_boot"), table_name="session_log")
    op.drop_index(op.f("ix_session_log_arrival_us"), table_name="session_log")
    op.drop_table("session_log")
    op.drop_index(op.f("ix_session_user_start_us"), table_name="session")
    op.drop_index(op.f("ix_session_state"), table_name="session")
    op.drop_index(op.f("ix_session_gym_machine_start_us"), table_name="session")
    op.drop_table("session")
    op.drop_table("quarantine")
    op.drop_table("outbox")
    op.drop_table("member")
    op.drop_table("machine")
    op.drop_index(op.f("ix_ledger_boot"), table_name="ledger")
    op.drop_table("ledger")
    op.drop_table("heartbeat")
    op.drop_table("gym")
    op.drop_index(op.f("ix_finding_user_at_us"), table_name="finding")
    op.drop_index(op.f("ix_finding_session"), table_name="finding")
    op.drop_table("finding")
    op.drop_table("depth_limit")
    op.drop_table("daily_load")
    op.drop_index(op.f("ix_alert_user"), table_name="alert")
    op.drop_index(op.f("ix_alert_state_last_us"), table_name="alert")
    op.drop_index(op.f("ix_alert_session"), table_name="alert")
    op.drop_table("alert")
