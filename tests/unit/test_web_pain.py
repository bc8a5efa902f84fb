"""Back pain on the pages: one tap on a member or a session, what it did, and how to undo it."""

import re

import pytest
from fastapi.testclient import TestClient

from fake_api import COOKIE, NOW_US, TOKEN, alert, at, busy_floor, fake_api, note
from sledwatch_web import words
from sledwatch_web.app import create_app

OWN = {"sec-fetch-site": "same-origin"}
TAP = "/members/m-1042/notes"


@pytest.fixture
def floor():
    return busy_floor()


@pytest.fixture
def pages(floor):
    app = fake_api(floor, lambda api: create_app(api_app=api, clock=lambda: NOW_US))
    with TestClient(app, cookies={COOKIE: TOKEN}, follow_redirects=False) as client:
        yield client


def tapped(pages, back, **fields):
    """The page that a tap leads to."""
    answer = pages.post(TAP, data={"back": back, **fields}, headers=OWN)
    assert 303 == answer.status_code
    assert answer.headers["location"].endswith("#pain")
    return pages.get(answer.headers["location"]).text


def test_a_tap_on_the_member_page_notes_it_says_what_came_of_it_and_offers_to_undo(pages, floor):
    assert f'action="{TAP}"' in pages.get("/members/m-1042").text
    html = tapped(pages, "/members/m-1042")
    assert [("POST", TAP, {"kind": "back-pain"})] == floor.calls
    assert "it is an alert on top of the inbox" in html
    assert 'action="/members/m-1042/notes/1/take-back"' in html
    assert "Undo" in html
    assert "Undo" not in pages.get("/members/m-1042").text


def test_a_tap_on_a_session_is_of_that_session_and_may_have_words(pages, floor):
    assert '<input type="hidden" name="session" value="S-1">' in pages.get("/sessions/S-1").text
    html = tapped(pages, "/sessions/S-1", session="S-1", text=" lower <left> ")
    assert [("POST", TAP, {"kind": "back-pain", "session": "S-1", "text": "lower <left>"})] == floor.calls
    assert "lower &lt;left&gt;" in html
    assert 'href="/sessions/S-1">in a session' in pages.get("/members/m-1042").text


def test_a_second_tap_is_told_to_be_one(pages, floor):
    tapped(pages, "/members/m-1042")
    assert "noted already" in tapped(pages, "/members/m-1042")
    assert 1 == len(floor.notes["m-1042"])


def test_a_note_is_taken_back_and_stays_to_be_seen(pages, floor):
    floor.notes["m-1042"] = [note(7, text="lower left")]
    answer = pages.post(f"{TAP}/7/take-back", data={"back": "/members/m-1042"}, headers=OWN)
    assert [("DELETE", f"{TAP}/7", None)] == floor.calls
    html = pages.get(answer.headers["location"]).text
    assert "counts no longer" in html
    assert "taken back by admin" in html
    assert f"{TAP}/7/take-back" not in html


def test_many_notes_are_folded_but_for_the_newest(pages, floor):
    floor.notes["m-1042"] = [note(number, at=at(2000 * (9 - number))) for number in range(1, 9)]
    html = pages.get("/members/m-1042").text
    assert "5 earlier" in html
    assert [8, 7, 6] == [int(one) for one in re.findall(r"notes/(\d+)/take-back", html)][:3]


@pytest.mark.parametrize("path", [TAP, f"{TAP}/7/take-back"])
def test_a_form_of_another_site_notes_nothing(pages, floor, path):
    floor.notes["m-1042"] = [note(7)]
    assert 403 == pages.post(path, headers={"sec-fetch-site": "cross-site"}).status_code
    assert [] == floor.calls


def test_pain_stands_above_all_others_while_it_is_open(pages, floor):
    floor.alerts.append(alert("ba" * 16, rule="pain.reported", title="Back pain after excess", last_at=at(600)))
    cards = re.findall(r'id="alert-(\w\w)', pages.get("/alerts").text)
    assert "ba" == cards[0]
    floor.alerts[-1]["state"] = "acknowledged"
    assert "ba" != re.findall(r'id="alert-(\w\w)', pages.get("/alerts").text)[0]


def test_what_came_before_is_a_table_and_what_is_not_known_a_sentence():
    before = {"rule": "depth.excessive", "severity": "alert", "found_at": "2026-11-22T05:00:00Z", "session": "s-1",
              "machine": "press-1", "days_before": 0.5, "over_mm": 31.0}  # fmt: skip
    shown = words.evidence({"before": [before], "not_known": ["whether it comes from training", "what else was done"]})
    (sheet,) = shown.sheets
    assert ("Past the depth limit", "Alert", "Sun 22 Nov 2026, 05:00", "press-1", "0.50", "31\u00a0mm") == sheet.rows[0]
    assert ("/sessions/s-1",) == sheet.links
    (figure,) = shown.figures
    assert ("whether it comes from training; what else was done", True) == (figure.value, figure.prose)
