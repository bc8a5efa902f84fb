"""How the tables of the state DB came to be what they are: one Alembic revision a change, oldest first."""
