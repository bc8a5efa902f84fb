"""The sets of a session over HTTP, and what staff may say of them."""

from typing import Any

from sqlalchemy import select

from api_house import NOW_US, House, S, a_rep
from sledwatch_storage.state import schema
from sledwatch_storage.state.imports import ImportedSession, import_sessions


def said(house: House) -> list[Any]:
    with house.engine.connect() as connection:
        return list(connection.execute(select(schema.set_correction)).mappings())


def test_sets_are_listed_with_whom_they_count_for(house: House) -> None:
    house.close_session(reps=12)
    first, second = house.get("/sessions/s-1/sets")["items"]
    assert (1, 10, 405.5, 120.0, "m-1", "s-1", None) == tuple(
        first[name] for name in ("set", "reps", "depth_mm", "load_kg", "user", "session", "corrected_by")
    )
    assert (2, 2) == (second["set"], second["reps"])


def test_a_set_is_given_to_somebody_and_a_closing_asked_for(house: House) -> None:
    house.close_session(reps=12)
    answer = house.client.post("/api/v1/sessions/s-1/sets/2/reassign", json={"user": "m-2"})
    assert 202 == answer.status_code
    assert ("m-2", "admin") == (answer.json()["user"], answer.json()["corrected_by"])
    assert [("s-1", "m-2", NOW_US)] == [(row["session"], row["user"], row["corrected_us"]) for row in said(house)]
    with house.engine.connect() as connection:
        assert NOW_US == connection.execute(select(schema.session.c.wanted_us)).scalar_one()
    assert "m-2" in [member["user"] for member in house.get("/members")["items"]]


def test_what_is_said_again_takes_the_place_of_what_was_said(house: House) -> None:
    house.close_session(reps=12)
    house.client.post("/api/v1/sessions/s-1/sets/2/reassign", json={"user": "m-2"})
    assert 202 == house.client.post("/api/v1/sessions/s-1/sets/2/discard").status_code
    assert [None] == [row["user"] for row in said(house)]
    assert [("m-1", None), (None, "admin")] == [
        (one["user"], one["corrected_by"]) for one in house.get("/sessions/s-1/sets")["items"]
    ]


def test_what_cannot_be_corrected_is_refused_with_the_reason(house: House) -> None:
    house.close_session(reps=12)
    house.start_session("s-live")
    house.floor.reps["s-live"] = [a_rep(1, session="s-live")]
    start_us = NOW_US - 900 * S
    reps = (a_rep(1, session="s-old", start_us=start_us),)
    import_sessions(
        house.engine, [ImportedSession("s-old", "m-1", "north", "press-1", start_us, start_us + 60 * S, reps)], NOW_US
    )

    def tried(path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        answer = house.client.post(f"/api/v1/sessions/{path}", json=body)
        return answer.status_code, answer.json()["detail"]

    assert (404, "no session s-9: none with this id has begun") == tried("s-9/sets/1/discard")
    assert (404, "no set 3 in session s-1: its sets are 1 to 2") == tried("s-1/sets/3/discard")
    assert 422 == tried("s-1/sets/1/reassign", {"user": "Ada Lovelace"})[0]
    assert 422 == tried("s-1/sets/1/reassign", {})[0]
    assert (409, "session s-live is still live, and its sets may change: correct it when it is closed") == tried(
        "s-live/sets/1/discard"
    )
    assert 409 == tried("s-old/sets/1/discard")[0]
    assert [1] == [one["set"] for one in house.get("/sessions/s-live/sets")["items"]]
    assert [] == said(house)
