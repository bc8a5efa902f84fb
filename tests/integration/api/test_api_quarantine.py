"""Refused messages over HTTP: listed, shown, counted, asked to be tried again."""

import base64
from typing import Any

import pytest

from api_house import NOW_US, House
from sledwatch.events import MAX_PAYLOAD_BYTES, Reason, Refusal
from sledwatch_storage.state import quarantine
from sledwatch_storage.state.engine import begin


def refuse(
    house: House, number: int, payload: bytes | None = None, gym: str = "north", reason: Reason = Reason.BAD_JSON
) -> None:
    refusal = Refusal(reason, "not JSON", gym, "press-1", "boot-1", number)
    body = b"{%d" % number if payload is None else payload
    with begin(house.engine) as connection:
        refused = quarantine.Refused(NOW_US, f"sledwatch/v1/{gym}/press-1/frame", body, refusal)
        quarantine.add(connection, [refused], NOW_US)


def ids(house: House, **query: Any) -> list[int]:
    return [item["id"] for item in house.get("/quarantine", **query)["items"]]


def ask(house: House, path: str, **body: Any) -> tuple[int, Any]:
    answer = house.client.post(f"/api/v1/quarantine/{path}", json=body or None)
    return answer.status_code, answer.json()


def test_quarantine_lists_what_was_refused_the_newest_first(house: House) -> None:
    for number in range(5):
        refuse(house, number)
    items = house.walk("/quarantine", limit=2)
    assert [4, 3, 2, 1, 0] == [item["seq"] for item in items]
    expected = {
        "reason": "bad-json", "detail": "not JSON", "gym": "north", "bytes": 2, "count": 1, "state": "held", "tries": 0,
        "replayed_at": None,
    }  # fmt: skip
    assert expected == {name: items[0][name] for name in expected}


def test_a_refused_message_is_shown_with_its_payload(house: House) -> None:
    refuse(house, 1, '{"ü'.encode())
    refuse(house, 2, b"\xff\x00")
    binary, text = [house.get(f"/quarantine/{item['id']}") for item in house.get("/quarantine")["items"]]
    assert ('{"ü', None, False) == (text["payload"], text["payload_base64"], text["cut"])
    assert (None, b"\xff\x00") == (binary["payload"], base64.b64decode(binary["payload_base64"]))


def test_a_message_that_was_asked_for_waits_for_its_trial(house: House) -> None:
    refuse(house, 1)
    (id_,) = ids(house)
    status, message = ask(house, f"{id_}/replay")
    assert (202, "asked") == (status, message["state"])
    assert ([id_], [], [id_]) == (ids(house), ids(house, state="held"), ids(house, state="asked"))


def test_asking_twice_is_fine(house: House) -> None:
    refuse(house, 1)
    (id_,) = ids(house)
    assert [202, 202] == [ask(house, f"{id_}/replay")[0] for _ in range(2)]


def test_what_is_not_there_cannot_be_tried(house: House) -> None:
    status, problem = ask(house, "7/replay")
    assert (404, "urn:sledwatch:problem:not-found") == (status, problem["type"])


def test_what_is_stored_cannot_be_tried(house: House) -> None:
    refuse(house, 1)
    (id_,) = ids(house)
    ask(house, f"{id_}/replay")
    with begin(house.engine) as connection:
        quarantine.mark_replayed(connection, [id_], NOW_US)
    status, problem = ask(house, f"{id_}/replay")
    assert (409, "urn:sledwatch:problem:already-replayed") == (status, problem["type"])
    (item,) = house.get("/quarantine", state="replayed")["items"]
    assert ("2026-11-22T17:00:00Z", 1) == (item["replayed_at"], item["tries"])
    assert [] == ids(house)


def test_what_is_cut_cannot_be_tried(house: House) -> None:
    refuse(house, 1, b"x" * (MAX_PAYLOAD_BYTES + 7))
    (id_,) = ids(house)
    status, problem = ask(house, f"{id_}/replay")
    assert (409, "urn:sledwatch:problem:payload-cut") == (status, problem["type"])
    assert "had 65543 bytes" in problem["detail"]
    shown = house.get(f"/quarantine/{id_}")
    assert (True, MAX_PAYLOAD_BYTES + 7) == (shown["cut"], shown["bytes"])


def test_a_list_is_of_a_gym_or_a_reason(house: House) -> None:
    refuse(house, 0)
    refuse(house, 1, gym="south")
    refuse(house, 2, reason=Reason.BAD_NAME)
    assert 1 == len(ids(house, gym="south"))
    assert 1 == len(ids(house, reason="bad-name"))


@pytest.mark.parametrize("query", [{"state": "lost"}, {"reason": "ugly"}, {"gym": "No Gym"}])
def test_what_is_no_state_reason_or_gym_is_a_problem(house: House, query: dict[str, str]) -> None:
    assert 422 == house.client.get("/api/v1/quarantine", params=query).status_code


@pytest.mark.parametrize(
    ("wish", "asked"),
    [({"reason": "bad-json"}, 2), ({"gym": "south"}, 1), ({"all": True}, 3), ({"ids": [1, 3, 99]}, 2)],
)
def test_many_are_asked_for_at_once(house: House, wish: dict[str, Any], asked: int) -> None:
    refuse(house, 0)
    refuse(house, 1, gym="south")
    refuse(house, 2, reason=Reason.BAD_NAME)
    assert (202, {"asked": asked}) == ask(house, "replay", **wish)
    assert asked == len(ids(house, state="asked"))


@pytest.mark.parametrize("wish", [{}, {"all": False}, {"ids": []}, {"ids": [0]}, {"everything": True}])
def test_a_wish_that_says_nothing_asks_for_nothing(house: House, wish: dict[str, Any]) -> None:
    refuse(house, 0)
    assert 422 == ask(house, "replay", **wish)[0]
    assert [] == ids(house, state="asked")


def test_what_has_gone_through_is_counted_by_gym_and_reason(house: House) -> None:
    for _ in range(2):
        refuse(house, 0)
    refuse(house, 1, gym="south")
    counts = {(row["gym"], row["reason"]): row for row in house.get("/quarantine/counts")["items"]}
    north = counts["north", "bad-json"]
    assert (2, 1, 2, 0, None) == tuple(
        north[name] for name in ("refused", "held", "held_bytes", "dropped", "dropped_at")
    )
    assert {("north", "bad-json"), ("south", "bad-json")} == set(counts)
