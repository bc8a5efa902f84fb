"""The page of the rules, in front of the real API: what it shows, what it tries, and what it saves."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api_house import DAY, NOW_US, TOKEN, House, open_house
from closing_house import empty_state
from sledwatch_storage.state.gyms import put_gym
from sledwatch_storage.state.rules import ORGANISATION, Scope, list_settings, put_settings
from sledwatch_web.app import create_app

__all__ = ["empty_state"]

OWN = {"sec-fetch-site": "same-origin"}
NORTH = {"gym": "north", "user": "", "version": "0"}


@pytest.fixture
def house(tmp_path: Path, empty_state: Path) -> Iterator[House]:
    """A gym where one regular has done 1.4 times their best three days ago."""
    with open_house(tmp_path, empty_state) as house:
        put_gym(house.engine, "north", {"name": "Nordpark"}, NOW_US, time_zone="UTC")
        for days in [*range(12, 64, 4), 3]:
            house.close_session(f"m-1-{days}", "m-1", NOW_US - days * DAY, reps=14 if days == 3 else 10)
        yield house


@pytest.fixture
def pages(house: House) -> Iterator[TestClient]:
    app = create_app(api_app=house.app, clock=lambda: NOW_US)
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}, follow_redirects=False) as client:
        yield client


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def put(house: House, scope: Scope, **changed: float | bool) -> None:
    put_settings(house.engine, scope, changed, note="too many notes", set_by="coach", now_us=NOW_US - DAY)


def test_every_setting_says_what_is_in_force_and_whose_it_is(pages: TestClient, house: House) -> None:
    put(house, ORGANISATION, spike_note=1.2)
    put(house, Scope(gym="north"), hard_session_share=0.75, join_spacing=False)
    html = pages.get("/rules?gym=north").text
    said = text(html)
    for part in (
        "Rules for Nordpark",
        "In force: 1.2×, set for everybody (default 1.1×); may be 1 to 10",
        "In force: 75 %, set for the gym (default 70 %); may be 10 to 100",
        "In force: no, set for the gym (default yes)",
        "In force: 20 sets, the default; may be 1 to 200",
        "Version 2 , for Nordpark yesterday 17:00 , by coach too many notes",
    ):
        assert part in said
    assert 'value="75" placeholder="70"' in html
    assert "Version 1 , for everybody" in text(pages.get("/rules").text)
    assert 'href="/rules"' in pages.get("/").text


def test_what_is_tried_is_told_before_it_is_saved(pages: TestClient, house: House) -> None:
    sent = {"rule-spike_note": "1,5", "rule-spike_warn": "1.5", "rule-spike_alert_joined": "1.5", "note": "regulars"}
    html = pages.post("/rules/preview", data=NORTH | sent, headers=OWN).text
    said = text(html)
    assert "With these settings, last month would have raised no alert." in said
    assert "With the present settings, last month would have raised 1 alert for 1 member." in said
    assert "m-1 Thu 19 Nov, 17:00 Much more than usual gone warning → nothing" in said
    assert [] == list_settings(house.engine)

    inside = html[html.index('action="/rules/save"') :]
    hidden = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', inside[: inside.index("</form>")])
    )
    answer = pages.post("/rules/save", data=hidden, headers=OWN)
    assert (303, "/rules?gym=north&told=rules") == (answer.status_code, answer.headers["location"])
    (stored,) = list_settings(house.engine)
    assert (Scope(gym="north"), "regulars") == (stored.scope, stored.note)
    assert {"spike_note": 1.5, "spike_warn": 1.5, "spike_alert_joined": 1.5} == stored.changed


@pytest.mark.parametrize(
    ("field", "typed", "why"),
    [
        ("spike_warn", "much", "a number was expected, not “much”"),
        ("missing_share", "120", "0 to 100 was expected, not “120”"),
        ("history_days", "20.5", "expected a whole number, got 20.5"),
        ("spike_note", "1.4", "expected no more than spike_warn (1.3), got 1.4"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_the_rest_is_kept(
    pages: TestClient, field: str, typed: str, why: str
) -> None:
    sent = NORTH | {f"rule-{field}": typed, "rule-volume_hard_sets": "31"}
    answer = pages.post("/rules/preview", data=sent, headers=OWN)
    assert 422 == answer.status_code
    found = re.search(rf'id="error-{field}".*?</p>', answer.text, re.DOTALL)
    assert found is not None
    assert why in text(found[0])
    assert 'value="31"' in answer.text


def test_all_is_taken_back_after_a_preview(pages: TestClient, house: House) -> None:
    put(house, Scope(user="m-1"), spike_note=1.2)
    html = pages.get("/rules?user=m-1").text
    assert "Take all of them back" in html
    own = {"gym": "", "user": "m-1", "version": "1"}
    assert "Take all of them back" in pages.post("/rules/preview", data=own, headers=OWN).text
    assert "/rules?user=m-1&told=rules" == pages.post("/rules/save", data=own, headers=OWN).headers["location"]
    assert {} == list_settings(house.engine)[0].changed


def test_who_was_not_the_first_is_told_so_and_another_site_saves_nothing(pages: TestClient, house: House) -> None:
    put(house, Scope(gym="north"), spike_note=1.2)
    late = pages.post("/rules/save", data=NORTH | {"rule-spike_note": "1.25"}, headers=OWN)
    assert "are at version 1 now, not 0" in text(late.text)
    for path in ("/rules/preview", "/rules/save"):
        assert 403 == pages.post(path, data=NORTH, headers={"sec-fetch-site": "cross-site"}).status_code
    assert 1 == len(list_settings(house.engine))
