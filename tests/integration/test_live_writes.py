"""What live analysis writes beside itself: a state DB that comes and goes ends nothing."""

from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from closing_house import House, empty_state, house
from sledwatch_analytics.live.writing import Writer
from sledwatch_storage.state import schema
from sledwatch_storage.state.engine import StateUnavailable

__all__ = ["empty_state", "house"]


def member(name: str) -> Callable[[Connection], None]:
    return lambda connection: connection.execute(insert(schema.member).values(user=name, first_seen_us=0)) and None


def members(house: House) -> list[str]:
    with house.engine.connect() as connection:
        return list(connection.execute(select(schema.member.c.user)).scalars())


def test_a_state_db_that_goes_away_right_after_a_write_ends_nothing(house: House) -> None:
    def gone() -> None:
        raise StateUnavailable("away, says the test")

    def written(connection: Connection) -> Callable[[], None]:
        member("m-1")(connection)
        return gone

    writer = Writer(house.engine)
    writer.put(written)
    writer.put(member("m-2"))
    writer.drain()

    assert ["m-1", "m-2"] == members(house)


def test_a_row_that_another_process_wrote_first_is_looked_at_anew(house: House) -> None:
    tries = []

    def written(connection: Connection) -> None:
        tries.append(1)
        if len(tries) == 1:
            member("m-1")(connection)
            member("m-1")(connection)

    writer = Writer(house.engine)
    writer.put(written)
    writer.put(member("m-2"))
    writer.drain()

    assert (2, ["m-2"]) == (len(tries), members(house))
