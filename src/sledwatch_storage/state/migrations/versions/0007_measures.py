"""More measures of a rep; of a session the estimated one-repetition maximum and the machine's friction."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OF_REP = (
    "propulsive_s",
    "eccentric_peak_velocity_m_s",
    "turn_deceleration_m_s2",
    "lockout_velocity_m_s",
    "left_n",
    "right_n",
    "asymmetry_pct",
)


def upgrade() -> None:
    for name in _OF_REP:
        op.add_column("rep", sa.Column(name, sa.Float(), nullable=True))
    op.add_column("session", sa.Column("strength", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("session", sa.Column("friction_n", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("session", "friction_n")
    op.drop_column("session", "strength")
    for name in reversed(_OF_REP):
        op.drop_column("rep", name)
