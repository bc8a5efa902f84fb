"""Notes of back pain over HTTP: judged at once, counted once, taken back."""

from typing import Any

import pytest

from api_house import DAY, NOW_US, House, S, a_finding, an_alert
from sledwatch.events import Alert
from sledwatch_storage.state import alerts, outbox
from sledwatch_storage.state.engine import begin

TOO_DEEP = a_finding(at_us=NOW_US - 500 * S, evidence={"limit_mm": 412.0, "over_mm": 19.0})


def notes(house: House, status: int, user: str = "m-1", **wish: Any) -> dict[str, Any]:
    answer = house.client.post(f"/api/v1/members/{user}/notes", json={"kind": "back-pain", **wish})
    assert status == answer.status_code, answer.text
    said: dict[str, Any] = answer.json()
    return said


def inbox(house: House) -> list[tuple[str, str, int]]:
    return [(one["rule"], one["severity"], one["count"]) for one in house.get("/alerts", state="open")["items"]]


def letters(house: House) -> list[dict[str, Any]]:
    return [letter.payload for letter in outbox.waiting(house.engine, "mqtt")]


def test_a_tap_after_excessive_depth_raises_an_alert_on_top_of_the_inbox(house: House) -> None:
    house.close_session(found=[TOO_DEEP])
    house.client.put("/api/v1/members/m-1", json={"name": "Ada"})
    told = notes(house, 201, session="s-1", text="  lower\nleft ")
    house.raise_alert(id="f" * 32, rule="workload.spike", last_at=alerts.at(NOW_US + S))
    assert ("lower\nleft", "admin", "s-1", False) == (
        told["note"]["text"], told["note"]["noted_by"], told["note"]["session"], told["repeated"]
    )  # fmt: skip
    assert ("pain.reported", "alert") == (told["finding"]["rule"], told["finding"]["severity"])
    assert told["alert"]["id"] == told["finding"]["id"]
    assert ("north", "press-1", "s-1") == tuple(told["alert"][name] for name in ("gym", "machine", "session"))
    assert "Ada reported back pain" in told["alert"]["message"]
    assert ["pain.reported", "workload.spike"] == [rule for rule, _, _ in inbox(house)]
    assert ["pain.reported", "workload.spike"] == [one["rule"] for one in house.walk("/alerts", limit=1)]
    # What leaves the house has the pseudonym, and no word of what was said.
    (letter,) = letters(house)
    assert "m-1 reported back pain" in letter["message"]
    assert [] == [word for word in ("Ada", "lower left") if word in str(letter)]
    assert [told["finding"]["id"]] == [one["id"] for one in house.get("/findings", rule="pain.reported")["items"]]


def test_with_nothing_before_it_is_a_note_and_calls_nobody(house: House) -> None:
    house.close_session()
    told = notes(house, 201)
    assert ("note", None) == (told["finding"]["severity"], told["alert"])
    assert [] == inbox(house) == letters(house)


def test_a_second_tap_is_the_same_note_and_may_bring_words(house: House) -> None:
    house.close_session(found=[TOO_DEEP])
    first = notes(house, 201)
    house.now_us += 59 * S
    again = notes(house, 200, text="lower left")
    assert (True, first["note"]["id"], "lower left") == (again["repeated"], again["note"]["id"], again["note"]["text"])
    assert 1 == len(house.get("/members/m-1/notes")["items"])
    assert [("pain.reported", "alert", 1)] == inbox(house)


def test_noted_again_within_a_week_it_counts_on_the_same_alert_and_later_it_is_another(house: House) -> None:
    house.close_session(found=[TOO_DEEP])
    first = notes(house, 201)
    house.client.post(f"/api/v1/alerts/{first['alert']['id']}/resolve")
    house.now_us += 6 * DAY
    second = notes(house, 201)
    assert (first["alert"]["id"], 2, "open") == tuple(second["alert"][name] for name in ("id", "count", "state"))
    house.now_us += 8 * DAY
    third = notes(house, 201)
    assert "note" == third["finding"]["severity"]
    assert third["finding"]["id"] != first["finding"]["id"]


def test_a_note_that_is_taken_back_takes_its_alert_with_it(house: House) -> None:
    house.close_session(found=[TOO_DEEP])
    told = notes(house, 201, session="s-1")
    path = f"/api/v1/members/m-1/notes/{told['note']['id']}"
    gone = house.client.delete(path).json()
    assert ("resolved", None) == (gone["alert"]["state"], gone["finding"])
    assert ["Withdrawn: admin took the note of pain back."] == [one["text"] for one in gone["alert"]["comments"]]
    assert ("admin", "2026-11-22T17:00:00Z") == (gone["note"]["taken_back_by"], gone["note"]["taken_back_at"])
    assert gone == house.client.delete(path).json()
    assert [gone["note"]] == house.get("/members/m-1/notes")["items"] == house.get("/sessions/s-1")["notes"]
    # Whoever was told hears that it does not hold.
    assert ["resolved"] == [letter["state"] for letter in letters(house)]
    assert 404 == house.client.delete("/api/v1/members/m-1/notes/99").status_code


def test_of_two_notes_the_other_one_stands(house: House) -> None:
    house.close_session(found=[TOO_DEEP])
    notes(house, 201, at="2026-11-20T12:00:00Z")
    second = notes(house, 201)
    assert ("alert", 2) == (second["finding"]["severity"], second["finding"]["count"])
    left = house.client.delete(f"/api/v1/members/m-1/notes/{second['note']['id']}").json()
    assert ("note", 1, "resolved") == (left["finding"]["severity"], left["finding"]["count"], left["alert"]["state"])


def test_what_live_has_raised_counts_before_the_session_is_closed(house: House) -> None:
    house.start_session()
    with begin(house.engine) as connection:
        alerts.save(connection, an_alert(), provisional=True)
    told = notes(house, 201, session="s-1")
    assert "alert" == told["finding"]["severity"]
    assert [True] == [one["provisional"] for one in told["finding"]["evidence"]["before"]]
    assert any("provisional" in one for one in told["finding"]["evidence"]["not_known"])


@pytest.mark.parametrize(
    ("wish", "field", "expected"),
    [
        ({"at": "2026-11-22T17:06:00Z"}, "at", "a time that has passed"),
        ({"at": "2026-08-01T00:00:00Z"}, "at", "a time of the last 90 days"),
        ({"at": "2026-11-22T17:00:00"}, "at", "timezone"),
        ({"session": "s-of-somebody"}, "session", "a session of m-1"),
        ({"session": "s-nowhere"}, "session", "a session of m-1"),
        ({"session": "s-1", "at": "2026-11-22T16:00:00Z"}, "at", "the start of that session on, 2026-11-22T16:50:00Z"),
        ({"kind": "knee"}, "kind", "'back-pain'"),
        ({"text": "  "}, "text", "pattern"),
        ({"text": "a\0b"}, "text", "pattern"),
        ({"where": "back"}, "where", "not permitted"),
    ],
)
def test_a_note_that_cannot_be_is_refused_with_what_was_expected(
    house: House, wish: dict[str, Any], field: str, expected: str
) -> None:
    house.close_session()
    house.start_session("s-of-somebody", "m-2")
    (problem,) = notes(house, 422, **wish)["errors"]
    assert field == problem["field"]
    assert expected in problem["expected"]
    assert [] == house.get("/members/m-1/notes")["items"]


def test_what_was_felt_since_the_first_session_may_be_noted_and_old_pain_calls_nobody(house: House) -> None:
    house.close_session(
        "s-old", start_us=NOW_US - 400 * DAY, found=[a_finding(session="s-old", at_us=NOW_US - 400 * DAY)]
    )
    told = notes(house, 201, at=alerts.at(NOW_US - 399 * DAY).isoformat(), session="s-old")
    assert ("alert", None) == (told["finding"]["severity"], told["alert"])


def test_of_somebody_never_seen_in_a_gym_the_note_alone_is_kept(house: House) -> None:
    assert 404 == house.client.post("/api/v1/members/m-9/notes", json={"kind": "back-pain"}).status_code
    house.client.put("/api/v1/members/m-9", json={"name": "Ida"})
    told = notes(house, 201, user="m-9")
    assert (None, None) == (told["finding"], told["alert"])


def test_notes_come_page_by_page_what_was_felt_last_first(house: House) -> None:
    house.close_session()
    for hours in (30, 2, 50):
        notes(house, 201, at=alerts.at(NOW_US - hours * 3600 * S).isoformat())
    walked = house.walk("/members/m-1/notes", limit=1)
    assert [2, 1, 3] == [one["id"] for one in walked]


def test_whoever_looks_is_told_at_once(house: House) -> None:
    house.close_session(found=[TOO_DEEP])
    told: list[tuple[str, Any]] = []
    house.hub.publish = lambda kind, data: told.append((kind, data))  # type: ignore[method-assign]
    notes(house, 201)
    assert [("alert", "pain.reported")] == [(kind, data["rule"]) for kind, data in told]
    assert set(Alert.__slots__) <= told[0][1].keys()
