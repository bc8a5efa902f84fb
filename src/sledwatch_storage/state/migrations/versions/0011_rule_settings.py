"""Settings of the rules of overuse, of the organisation, of gyms and of members."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rule_setting",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gym", sa.String(length=64), nullable=True),
        sa.Column("user", sa.String(length=64), nullable=True),
        sa.Column("changed", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rule_setting")),
    )
    op.create_index(op.f("ix_rule_setting_user_gym_version"), "rule_setting", ["user", "gym", "version"])


def downgrade() -> None:
    op.drop_table("rule_setting")
