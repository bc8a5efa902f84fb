"""The pages by HTTP, in front of a stand-in for the API: what they show, what they refuse, and how they fail."""

import re

import pytest
from fastapi.testclient import TestClient

from fake_api import COOKIE, NOW_US, TOKEN, alert, at, busy_floor, fake_api
from sledwatch_web.app import create_app
from sledwatch_web.security import CONTENT_SECURITY_POLICY

OWN = {"sec-fetch-site": "same-origin"}
PAGES = [
    "/",
    "/alerts",
    "/alerts?state=resolved",
    "/alerts/newest",
    "/sessions/S-1",
    "/sessions/S-2",
    "/sessions/S-1/limit?rep=12",
    "/sessions/S-1/sets?chosen=2",
    "/members",
    "/members/m-1042",
    "/members/m-5005",
    "/members/m-1042/calibrate",
    "/members/m-1042/calibrate/north/press-1",
    "/members/m-1042/calibrate/north/press-3",
    "/members/m-1042/protocol",
    "/machines/north/press-2",
    "/machines/north/press-3",
    "/quarantine",
    "/quarantine?state=replayed",
    "/quarantine?reason=bad-json&gym=north",
    "/quarantine/2",
]
ALERT = "a1" * 16


@pytest.fixture
def floor():
    return busy_floor()


@pytest.fixture
def pages(floor):
    """A signed-in browser's view of the pages, mounted beside the API in one process."""
    app = fake_api(floor, lambda api: create_app(api_app=api, clock=lambda: NOW_US))
    with TestClient(app, cookies={COOKIE: TOKEN}, follow_redirects=False) as client:
        yield client


def text(html):
    """What is left of a page without its markup, every run of spaces (no-break ones too) made one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_nothing_and_styles_nothing_inline(pages, page):
    answer = pages.get(page)
    assert (200, CONTENT_SECURITY_POLICY) == (answer.status_code, answer.headers["content-security-policy"])
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", answer.text)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "/alerts/newest"])
def test_a_page_has_one_first_heading_and_a_title(pages, page):
    html = pages.get(page).text
    assert 1 == len(re.findall(r"<h1[ >]", html))
    assert re.search(r"<title>[^<]+ · Sledwatch</title>", html)


@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_a_page_is_kept_by_a_shared_computer(pages, page):
    assert pages.get(page).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("page", PAGES)
def test_without_signing_in_there_is_a_word_on_where_the_link_is(pages, page):
    pages.cookies.clear()
    answer = pages.get(page)
    assert answer.status_code == 401
    assert "Open your sign-in link" in text(answer.text)
    assert "Kowalska" not in answer.text


def test_the_floor_says_who_how_deep_what_load_and_how_many_reps_in_this_order(pages):
    said = text(pages.get("/").text)
    places = [said.index(part) for part in ("Anna Kowalska", "236 mm", "past the limit", "120 kg", "Set 2 ·")]
    assert places[1:] == sorted(places[1:])
    assert "3 of 6 in use, 1 offline" in said


def test_a_floor_without_gyms_says_how_machines_get_there(pages, floor):
    floor.gyms.clear()
    assert "No machine has reported yet" in pages.get("/").text


def test_open_alerts_come_first_and_each_says_what_happened_and_what_to_do(pages):
    said = text(pages.get("/alerts").text)
    assert said.index("Priya Nair did 1.42×") < said.index("Dealt with lately") < said.index("Tomás Ferreira went")
    assert said.count("What to do:") == 4


def test_an_alert_unfolds_into_its_arithmetic_and_the_tier_of_its_limit(pages):
    said = text(pages.get("/alerts?state=open").text)
    assert "Depth limit 412 mm" in said
    assert "Past the limit by 19 mm" in said
    assert "calibrated: set by a trainer" in said


def test_more_open_alerts_than_one_reads_at_once_are_a_link_away(pages, floor):
    floor.alerts = [alert(f"{number:032x}") for number in range(120)]
    first = pages.get("/alerts").text
    (more,) = re.findall(r'<a href="([^"]+)" rel="next">More open alerts', first)
    assert (50, 50) == (
        first.count('data-fold="arithmetic"'),
        pages.get(more.replace("&amp;", "&")).text.count("<article"),
    )


def test_an_inbox_with_nothing_open_is_calm(pages, floor):
    floor.alerts.clear()
    assert re.search(r'data-empty="waiting">', pages.get("/alerts").text)


@pytest.mark.parametrize(
    ("verb", "state"), [("acknowledge", "acknowledged"), ("silence", "silenced"), ("resolve", "resolved")]
)
def test_an_alert_is_changed_by_a_plain_form(pages, floor, verb, state):
    answer = pages.post(f"/alerts/{ALERT}/{verb}", data={"back": "/alerts?state=open"}, headers=OWN)
    assert (303, f"/alerts?state=open&told={verb}#alert-{ALERT}") == (answer.status_code, answer.headers["location"])
    assert state == floor.alerts[0]["state"]


def test_a_comment_is_kept_under_the_alert(pages, floor):
    pages.post(f"/alerts/{ALERT}/comments", data={"text": "  Spoke to her.  "}, headers=OWN)
    assert ["Spoke to her."] == [comment["text"] for comment in floor.alerts[0]["comments"]]


def test_an_empty_comment_is_not_sent(pages, floor):
    answer = pages.post(f"/alerts/{ALERT}/comments", data={"text": "  "}, headers=OWN)
    assert (422, []) == (answer.status_code, floor.calls)


def test_what_the_api_refuses_is_told_in_its_words(pages, floor):
    floor.alerts[0]["state"] = "resolved"
    answer = pages.post(f"/alerts/{ALERT}/acknowledge", headers=OWN)
    assert answer.status_code == 409
    assert "the alert is resolved" in answer.text


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}])
@pytest.mark.parametrize("path", [f"/alerts/{ALERT}/acknowledge", "/sessions/S-1/limit", "/members/m-1042"])
def test_a_form_of_another_site_changes_nothing(pages, floor, headers, path):
    answer = pages.post(path, data={"rep": "3", "name": "X"}, headers=headers)
    assert (403, []) == (answer.status_code, floor.calls)


def test_a_form_of_a_browser_that_sends_only_an_origin_is_taken(pages, floor):
    pages.post(f"/alerts/{ALERT}/acknowledge", headers={"origin": "http://testserver"})
    assert floor.alerts[0]["state"] == "acknowledged"


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
def test_a_form_leads_back_to_pages_of_this_site_only(pages, back):
    answer = pages.post(f"/alerts/{ALERT}/acknowledge", data={"back": back}, headers=OWN)
    assert answer.headers["location"].startswith("/?told=")


def test_the_session_page_counts_the_reps_past_the_limit(pages):
    said = text(pages.get("/sessions/S-1").text)
    assert "3 of 18 reps went past the limit of 412 mm, by up to 19 mm." in said
    assert "1.44× their 30-day best" in said


def test_the_session_page_says_how_strong_it_shows_them_and_how_each_set_went(pages):
    said = text(pages.get("/sessions/S-1").text)
    assert "Estimated 1RM 186 kg ± 9 kg, by their own speeds" in said
    assert "Set 2 · 120 kg · 8 reps 64 % of the estimated 1RM · deeper and slower towards the end" in said


def test_what_is_seen_of_a_reps_technique_stands_beside_it(pages):
    html = pages.get("/sessions/S-1").text
    assert "1.6 / 1.2 s bounced, left leg −13 %" in text(html[html.index('data-key="2-17"') :])
    assert 1 == html.count("bounced")


def test_a_session_without_samples_says_why_there_is_no_trace(pages, floor):
    floor.traces["S-1"] = {"t_us": [], "depth_mm": [], "load_kg": []}
    said = text(pages.get("/sessions/S-1").text)
    assert "No samples of this session are kept" in said
    assert "431 mm" in said


def test_a_session_that_has_just_begun_has_a_page(pages, floor):
    floor.reps["S-2"] = []
    floor.sessions["S-2"] |= {"work_j": None, "tonnage_kg": None, "reps": 0, "setup": None, "limit_mm": None}
    said = text(pages.get("/sessions/S-2").text)
    assert "Going on now: reps are provisional" in said
    assert "No rep found yet." in said


def test_a_live_session_is_shown_against_the_limit_of_its_reps(pages, floor):
    """The API settles a session's limit when it closes; until then the reps have it."""
    floor.sessions["S-2"] |= {"limit_mm": None, "limit_tier": None}
    assert "All 5 reps stayed within the limit of 412 mm" in text(pages.get("/sessions/S-2").text)


def test_a_rep_becomes_the_limit_for_this_seat_and_these_feet(pages, floor):
    answer = pages.post("/sessions/S-1/limit", data={"rep": "15", "holds_for": "setup"}, headers=OWN)
    assert (303, "/sessions/S-1?told=limit#told") == (answer.status_code, answer.headers["location"])
    body = {"from_rep": {"session": "S-1", "set": 2, "rep": 15}}
    assert [("PUT", "/members/m-1042/limits/north/press-1", body)] == floor.calls


def test_a_rep_becomes_the_limit_for_the_whole_machine(pages, floor):
    pages.post("/sessions/S-1/limit", data={"rep": "15", "holds_for": "machine"}, headers=OWN)
    ((_, _, body),) = floor.calls
    assert {"notch": None, "foot_row": None} == {name: body[name] for name in ("notch", "foot_row")}


def test_the_confirmation_names_depth_person_and_machine(pages):
    said = text(pages.get("/sessions/S-1/limit?rep=15").text)
    assert "Make 396 mm the depth limit?" in said
    assert "Anna Kowalska on press-1, Nordpark, as in rep 15 of set 2" in said


@pytest.mark.parametrize("path", ["/sessions/S-1/limit?rep=99", "/sessions/none", "/members/none", "/nowhere"])
def test_what_does_not_exist_has_a_page_that_says_so(pages, path):
    answer = pages.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_an_address_that_makes_no_sense_is_answered_with_a_page(pages):
    answer = pages.get("/alerts?state=asleep")
    assert answer.status_code == 422
    assert "To the floor" in answer.text


def test_the_member_page_shows_the_spike_limits_and_that_only_the_leg_press_is_seen(pages):
    said = text(pages.get("/members/m-1042").text)
    assert "The last session came to 15.3 kJ, 1.44× their 30-day best of 10.6 kJ." in said
    assert "Only the leg press is seen" in said
    assert "412 mm calibrated" in said


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("beginner", "No baseline yet."),
        ("no-baseline", "No baseline: days are missing."),
        ("returning", "Returning (session 1 of 2)."),
    ],
)
def test_the_member_page_says_what_comparisons_are_worth(pages, floor, state, word):
    floor.workloads["m-1042"]["now"]["state"] = state
    floor.workloads["m-1042"]["sessions"] = []
    assert word in text(pages.get("/members/m-1042").text).replace(" .", ".")


def test_a_range_is_chosen_by_a_link_and_its_tables_say_what_the_pictures_show(pages):
    page = pages.get("/members/m-1042?range=1y").text
    assert 'href="/members/m-1042?range=4w#load"' in page
    said = text(page)
    assert "24.0 kJ ± 2.5 kJ" in said
    assert "4,100 kg·mm" in said
    assert re.search(r"1 of \d+ sets \(1 %\) ended more than 40 % slower", said)
    assert pages.get("/members/m-1042?range=decade").status_code == 422


def test_a_member_without_sessions_has_a_page(pages, floor):
    floor.workloads["m-5005"] |= {"sessions": [], "days": []}
    floor.members["m-5005"]["last_session_at"] = None
    assert "No session yet." in pages.get("/members/m-5005").text


def test_a_member_who_was_not_here_for_long_is_told_since_when(pages, floor):
    floor.workloads["m-5005"] |= {"sessions": [], "days": []}
    said = text(pages.get("/members/m-5005").text)
    assert "No session since" in said
    assert "No session in this range." in said


def test_a_finding_that_is_an_alert_is_told_once_on_the_member_page(pages):
    assert pages.get("/members/m-1042").text.count("went past the depth limit 3 times") == 1


def test_name_and_height_are_changed_in_the_units_people_use(pages, floor):
    pages.post("/members/m-5005", data={"name": " Eva ", "height_cm": "172,5"}, headers=OWN)
    assert [("PUT", "/members/m-5005", {"name": "Eva", "height_mm": 1725.0})] == floor.calls


@pytest.mark.parametrize("height", ["17", "tall", "1720", "nan"])
def test_a_height_nobody_has_is_refused(pages, floor, height):
    answer = pages.post("/members/m-5005", data={"name": "Eva", "height_cm": height}, headers=OWN)
    assert (422, []) == (answer.status_code, floor.calls)


def test_members_are_found_by_name_and_by_number(pages):
    assert "Priya Nair" in pages.get("/members?q=priya").text
    assert "Priya Nair" in pages.get("/members?q=3120").text
    assert "Nobody is called" in pages.get("/members?q=nobody").text


def test_markup_in_a_name_is_text(pages, floor):
    floor.members["m-1042"]["name"] = "<img src=x onerror=alert(1)>"
    assert "<img" not in pages.get("/members/m-1042").text


def test_static_files_are_kept_for_ever_under_an_address_of_their_own(pages):
    (sheet,) = re.findall(r'href="(/static/[0-9a-f]{12}/tokens.css)"', pages.get("/").text)
    answer = pages.get(sheet)
    assert (200, "public, max-age=31536000, immutable") == (answer.status_code, answer.headers["cache-control"])


async def broken_api(scope, receive, send):
    """An API that answers every call with a failure of its own."""
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": b"boom"})


@pytest.mark.parametrize(
    "api", [{"api_app": broken_api}, {"api_base_url": "http://127.0.0.1:9"}], ids=["broken", "away"]
)
def test_without_the_api_a_page_says_that_nothing_is_lost_and_tries_again(api):
    with TestClient(create_app(**api)) as client:
        answer = client.get("/")
    assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
    assert "nothing is lost" in answer.text
    assert 'http-equiv="refresh"' in answer.text


async def garbled_api(scope, receive, send):
    """An API that is no API."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"<html>"})


def test_an_answer_that_is_no_json_is_an_api_that_is_not_well():
    with TestClient(create_app(api_app=garbled_api)) as client:
        assert client.get("/").status_code == 502


@pytest.mark.parametrize("api", [{}, {"api_base_url": "http://127.0.0.1:9", "api_app": broken_api}])
def test_the_pages_stand_in_front_of_exactly_one_api(api):
    with pytest.raises(ValueError, match="one of them"):
        create_app(**api)


def test_the_host_is_passed_on_for_the_api_to_judge_origins_by():
    seen = {}

    async def api(scope, receive, send):
        seen.update({name.decode(): value.decode() for name, value in scope["headers"]})
        await broken_api(scope, receive, send)

    with TestClient(create_app(api_app=api), base_url="https://gym.example", cookies={COOKIE: "c"}) as client:
        client.post(f"/alerts/{ALERT}/acknowledge", headers=OWN)
    assert ("gym.example", "same-origin", f"{COOKIE}=c") == (seen["host"], seen["sec-fetch-site"], seen["cookie"])


# Machines and refused messages


def test_a_machine_whose_messages_are_all_stored_is_well(pages):
    said = text(pages.get("/machines/north/press-1").text)
    assert "All that it sent is stored." in said
    assert "Stored 48,199" in said


def test_a_machine_page_says_what_is_lost_what_may_still_come_and_how_its_clock_goes(pages):
    said = text(pages.get("/machines/north/press-2").text)
    assert "4 messages lost for good; 9 messages missing, which may still come; 3 messages refused" in said
    assert "its clock is 1 min 34 s behind" in said
    assert "970–973, 980–984" in said


def test_a_machine_page_says_what_happened_to_it_the_newest_first(pages):
    said = text(pages.get("/machines/north/press-2").text)
    places = [said.index(part) for part in ("Started anew", "Went offline", "Lost 4 messages for good", "Came online")]
    assert places == sorted(places)


def test_a_machine_page_says_how_its_sensors_are_and_what_to_do(pages):
    said = text(pages.get("/machines/north/press-2").text)
    assert "depth alerts of this machine are withheld" in said
    assert "34 mm deeper than it used to" in said
    assert "What to do: Set the encoder" in said.replace("’", "'")
    assert "Rack 40 mm where the sled rests in the rack; usually 4 mm" in said
    assert "Its sensors see well." in text(pages.get("/machines/north/press-1").text)
    assert "Nothing is known of its sensors yet" in text(pages.get("/machines/north/press-3").text)


def test_an_alert_about_a_machine_leads_to_it(pages, floor):
    floor.alerts = [
        alert("e5" * 16, user=None, user_name=None, session=None, rule="machine.encoder-drift", severity="warn")
    ]
    assert '<a href="/machines/north/press-1#sensors">See the machine</a>' in pages.get("/alerts").text


def test_a_machine_of_which_nothing_is_stored_has_a_page_all_the_same(pages):
    assert "Nothing of it is stored yet." in text(pages.get("/machines/north/press-3").text)


def test_a_machine_is_a_link_away_from_its_tile(pages):
    assert '<a href="/machines/north/press-2">press-2</a>' in pages.get("/").text


def test_what_befell_a_machine_long_ago_is_a_link_away(pages, floor):
    event = {"id": 1, "at": at(5), "kind": "offline", "boot": "b1"}
    floor.events["north/press-1"] = [event] * 25
    (older,) = re.findall(r'<a href="([^"]+)" rel="next">Earlier', pages.get("/machines/north/press-1").text)
    assert 5 == pages.get(older.replace("&amp;", "&")).text.count("Went offline")


def test_refused_messages_say_why_and_lead_to_their_machine(pages):
    said = pages.get("/quarantine").text
    assert "load_kg from 9999 to 9999: expected 0 to 1500" in text(said)
    assert '<a href="/machines/north/press-2">press-2, Nordpark</a>' in said


def test_refused_messages_of_a_reason_are_a_link_away(pages):
    html = pages.get("/quarantine").text
    (href,) = set(re.findall(r'<a href="(/quarantine\?reason=bad-json[^"]*)"', html))
    said = text(pages.get(href.replace("&amp;", "&")).text)
    assert "Only Not readable, Nordpark." in said
    assert "A load that cannot be" not in said[said.index("Message by message") :]


def test_a_refused_message_is_replayed_by_a_plain_form(pages, floor):
    answer = pages.post("/quarantine/4/replay", data={"back": "/quarantine?gym=north"}, headers=OWN)
    assert (303, "/quarantine?gym=north&told=asked#told") == (answer.status_code, answer.headers["location"])
    assert ["asked"] == [one["state"] for one in floor.refused if one["id"] == 4]


def test_all_of_a_reason_are_replayed_by_a_plain_form(pages, floor):
    data = {"reason": "load-out-of-range", "gym": "north"}
    answer = pages.post("/quarantine/replay", data=data, headers=OWN)
    assert "/quarantine?told=asked#told" == answer.headers["location"]
    assert [("POST", "/quarantine/replay", data)] == floor.calls


def test_what_cannot_be_replayed_has_no_button_and_is_told_in_the_apis_words(pages):
    assert "/quarantine/2/replay" not in pages.get("/quarantine").text + pages.get("/quarantine/2").text
    answer = pages.post("/quarantine/2/replay", headers=OWN)
    assert (409, True) == (answer.status_code, "message 2 cannot be tried again" in answer.text)


@pytest.mark.parametrize("path", ["/quarantine/4/replay", "/quarantine/replay"])
def test_another_site_replays_nothing(pages, floor, path):
    assert (403, []) == (pages.post(path, headers={"sec-fetch-site": "cross-site"}).status_code, floor.calls)


def test_what_a_machine_sent_is_laid_out_where_it_is_json(pages):
    assert "  &#34;load_kg&#34;: 9999," in pages.get("/quarantine/4").text
    assert "/wD/" in pages.get("/quarantine/6").text


def test_an_empty_quarantine_is_calm(pages, floor):
    floor.refused.clear()
    assert "All that came could be stored" in text(pages.get("/quarantine").text)


def test_an_alert_about_lost_messages_leads_to_them(pages, floor):
    nobodys = {"user": None, "user_name": None, "machine": None, "session": None, "limit_tier": None}
    floor.alerts.append(alert("f6" * 16, rule="machine.quarantine", severity="warn", **nobodys))
    assert '<a href="/quarantine?gym=north">See the refused messages</a>' in pages.get("/alerts").text


def test_two_people_on_one_badge_lead_to_their_sets(pages, floor):
    asked = alert(
        "f7" * 16,
        rule="badge.shared",
        severity="warn",
        title="Two people on one badge?",
        evidence={"patterns": [{"sets": [1]}, {"sets": [2]}], "tells": ["depth"], "turns": 3},
    )
    floor.alerts.append(asked)
    floor.sessions["S-1"]["findings"] = [{**asked, "at": asked["last_at"]}]
    assert 'href="/sessions/S-1/sets?chosen=2"' in pages.get("/alerts").text
    assert 'href="/sessions/S-1/sets?chosen=2"' in pages.get("/sessions/S-1").text
    html = pages.get("/sessions/S-1/sets?chosen=2").text
    assert re.findall(r'name="number" value="(\d+)"( checked)?', html) == [("1", ""), ("2", " checked")]


def test_sets_are_given_to_whoever_did_them(pages, floor):
    form = {"badge": "m-1042", "verdict": "other", "other": " m-2210 ", "number": ["1", "2"]}
    answer = pages.post("/sessions/S-1/sets", data=form, headers=OWN)
    assert (303, "/sessions/S-1/sets?told=assigned#told") == (answer.status_code, answer.headers["location"])
    expected = [("POST", f"/sessions/S-1/sets/{number}/reassign", {"user": "m-2210"}) for number in (1, 2)]
    assert expected == floor.calls
    assert "Jonas Weber said by admin" in text(pages.get("/sessions/S-1/sets").text)


def test_sets_are_discarded_and_taken_back(pages, floor):
    pages.post("/sessions/S-1/sets", data={"badge": "m-1042", "verdict": "nobody", "number": "2"}, headers=OWN)
    assert "Nobody: discarded" in text(pages.get("/sessions/S-1/sets").text)
    pages.post("/sessions/S-1/sets", data={"badge": "m-1042", "verdict": "badge", "number": "2"}, headers=OWN)
    assert [None, {"user": "m-1042"}] == [body for _, _, body in floor.calls]


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"verdict": "badge"}, "No set was chosen"),
        ({"verdict": "other", "other": " ", "number": "1"}, "Nobody was named"),
    ],
)
def test_a_form_about_sets_that_says_too_little_is_refused(pages, floor, form, why):
    answer = pages.post("/sessions/S-1/sets", data={"badge": "m-1042", **form}, headers=OWN)
    assert 422 == answer.status_code
    assert why in text(answer.text)
    assert [] == floor.calls


def test_sets_of_a_session_that_goes_on_wait_for_its_end(pages):
    assert "when it is over" in text(pages.get("/sessions/S-2/sets").text)
    assert "/sessions/S-2/sets" not in pages.get("/sessions/S-2").text
