"""Signs of life: each part writes when it was last well, and what it has to say about itself."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from sledwatch_storage.state import schema
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.upsert import put


@dataclass(frozen=True, slots=True)
class Beat:
    """at_us: when it was written, by the part's own clock. detail: JSON, as the part likes it."""

    at_us: int
    detail: dict[str, Any]


def beat(engine: Engine, part: str, now_us: int, detail: dict[str, Any]) -> None:
    """Write a part's sign of life over its last one. Raises StateUnavailable."""
    with begin(engine) as connection:
        put(connection, schema.heartbeat, [{"part": part, "at_us": now_us, "detail": detail}])


def beats(engine: Engine) -> dict[str, Beat]:
    """The last sign of life of each part. Raises StateUnavailable."""
    with engine.connect() as connection:
        rows = connection.execute(select(schema.heartbeat)).all()
    return {row.part: Beat(row.at_us, row.detail) for row in rows}
