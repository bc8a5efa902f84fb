"""The days of gyms for which it was looked what time alone has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gym_day",
        sa.Column("gym", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("done_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gym", name=op.f("pk_gym_day")),
    )


def downgrade() -> None:
    op.drop_table("gym_day")
