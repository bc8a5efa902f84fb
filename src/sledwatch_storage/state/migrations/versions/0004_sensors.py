"""What sessions say of machines' sensors, and how these stand."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sensor_reading",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("reading", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_sensor_reading")),
    )
    op.create_index(op.f("ix_sensor_reading_gym_machine_start_us"), "sensor_reading", ["gym", "machine", "start_us"])
    op.create_table(
        "machine_sensors",
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("doubt", sa.String(length=64), nullable=True),
        sa.Column("since_us", sa.BigInteger(), nullable=True),
        sa.Column("judged_us", sa.BigInteger(), nullable=False),
        sa.Column("rack_mm", sa.Float(), nullable=True),
        sa.Column("reference_mm", sa.Float(), nullable=True),
        sa.Column("troubles", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("settled", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("gym", "machine", name=op.f("pk_machine_sensors")),
    )


def downgrade() -> None:
    op.drop_table("machine_sensors")
    op.drop_index(op.f("ix_sensor_reading_gym_machine_start_us"), table_name="sensor_reading")
    op.drop_table("sensor_reading")
