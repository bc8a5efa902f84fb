"""An index of the boots of which numbers are missing, so that a watermark need not look at all of a machine's life."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

has_holes = sa.text("missing > 0")


def upgrade() -> None:
    op.create_index("ix_ledger_holes", "ledger", ["gym", "machine"], sqlite_where=has_holes, postgresql_where=has_holes)


def downgrade() -> None:
    op.drop_index("ix_ledger_holes", table_name="ledger")
