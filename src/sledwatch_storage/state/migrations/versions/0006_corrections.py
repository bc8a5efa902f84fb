"""Sets that somebody else did, or that count for nobody; and closings that are asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

is_wanted = sa.text("wanted_us IS NOT NULL")
is_split = sa.text("split_of IS NOT NULL")


def upgrade() -> None:
    op.add_column("session", sa.Column("split_of", sa.String(length=64), nullable=True))
    op.add_column("session", sa.Column("wanted_us", sa.BigInteger(), nullable=True))
    op.create_index("ix_session_wanted", "session", ["wanted_us"], sqlite_where=is_wanted, postgresql_where=is_wanted)
    op.create_index("ix_session_split_of", "session", ["split_of"], sqlite_where=is_split, postgresql_where=is_split)
    op.create_table(
        "set_correction",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=True),
        sa.Column("corrected_by", sa.String(length=64), nullable=False),
        sa.Column("corrected_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session"], ["session.session"], name=op.f("fk_set_correction_session_session"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session", "from_us", name=op.f("pk_set_correction")),
    )


def downgrade() -> None:
    op.drop_table("set_correction")
    op.drop_index("ix_session_split_of", table_name="session")
    op.drop_index("ix_session_wanted", table_name="session")
    op.drop_column("session", "wanted_us")
    op.drop_column("session", "split_of")
