"""Sessions, reps and traces over HTTP."""

import dataclasses

from api_house import NOW_US, SETUP, House, S, a_finding, a_rep
from sledwatch.events import Rep
from sledwatch.strength import Strength
from sledwatch_analytics.api import sessions as api_sessions


def test_a_closed_session_is_shown_with_its_figures_and_findings(house: House) -> None:
    house.close_session(reps=12, found=[a_finding()])
    house.client.put("/api/v1/members/m-1", json={"name": "Ada"})
    session = house.get("/sessions/s-1")
    assert ("closed", "Ada", 12, 2) == (session["state"], session["user_name"], session["reps"], session["sets"])
    assert ("2026-11-22T16:50:00Z", "2026-11-22T16:55:00Z") == (session["start_at"], session["end_at"])
    assert (412.0, "calibrated", 12 * 320.0, 12 * 120.0) == (
        session["limit_mm"],
        session["limit_tier"],
        session["work_j"],
        session["tonnage_kg"],
    )
    assert SETUP == session["setup"]
    assert ["depth.excessive"] == [finding["rule"] for finding in session["findings"]]


def test_a_session_is_there_from_its_start_with_the_reps_so_far(house: House) -> None:
    house.start_session()
    house.floor.reps["s-1"] = [a_rep(2), a_rep(1)]
    session = house.get("/sessions/s-1")
    assert ("live", None, 2, 1, 240.0) == (
        session["state"],
        session["end_at"],
        session["reps"],
        session["sets"],
        session["tonnage_kg"],
    )
    assert [1, 2] == [rep["rep"] for rep in house.get("/sessions/s-1/reps")["items"]]


def test_a_members_sessions_are_the_newest_first_page_by_page(house: House) -> None:
    for number in range(30):
        house.close_session(session=f"s-{number:02}", start_us=NOW_US - number * 3_600 * S)
    house.close_session(session="other", user="m-2")
    expected = [f"s-{number:02}" for number in range(30)]
    assert expected == [one["session"] for one in house.walk("/members/m-1/sessions", limit=7)]


def test_reps_are_all_there_and_ascend_over_pages(house: House) -> None:
    made = house.close_session(reps=257)
    shown = house.walk("/sessions/s-1/reps", limit=100)
    assert [dataclasses.asdict(rep) | {"technique": []} for rep in made] == shown


def test_a_rep_of_the_api_has_the_fields_of_the_contract_and_its_faults() -> None:
    assert [*(field.name for field in dataclasses.fields(Rep)), "technique"] == list(api_sessions.Rep.model_fields)


def test_a_session_tells_how_strong_it_shows_them_and_how_each_set_went(house: House) -> None:
    house.close_session(reps=12, strength=Strength(150.0, 9.0, "equation", guess=True, loads=1))
    session = house.get("/sessions/s-1")
    told = {"e1rm_kg": 150.0, "error_kg": 9.0, "method": "equation", "guess": True, "loads": 1}
    assert (told, None) == (session["strength"], session["friction_n"])
    first, second = session["set_figures"]
    assert (1, 10, 80.0, 0.38, 1.0, False) == tuple(
        first[name] for name in ("set", "reps", "pct_1rm", "best_velocity_m_s", "drift_mm_per_rep", "fatigue")
    )
    assert (2, 2, None) == (second["set"], second["reps"], second["drift_mm_per_rep"])


def test_a_live_session_has_sets_so_far_and_no_strength_yet(house: House) -> None:
    house.start_session()
    house.floor.reps["s-1"] = [a_rep(1), a_rep(2)]
    session = house.get("/sessions/s-1")
    assert (None, [(1, 2, None)]) == (
        session["strength"],
        [(one["set"], one["reps"], one["pct_1rm"]) for one in session["set_figures"]],
    )


def test_a_trace_is_every_sample_of_the_session_and_no_other(house: House) -> None:
    house.close_session()
    house.log_frames(frames=3, samples=50)
    trace = house.get("/sessions/s-1/trace")
    assert (150, 150, 150, 150) == (
        trace["samples"],
        len(trace["t_us"]),
        len(trace["depth_mm"]),
        len(trace["load_kg"]),
    )
    assert [NOW_US - 600 * S + number * 20_000 for number in range(150)] == trace["t_us"]
    assert None is trace["depth_mm"][7]
    assert (0.0, 49.0, 120.0) == (trace["depth_mm"][0], trace["depth_mm"][49], trace["load_kg"][0])


def test_a_thinned_trace_keeps_the_peak(house: House) -> None:
    house.close_session()
    house.log_frames(frames=40, samples=50, peak=(1_234, 987.0))
    trace = house.get("/sessions/s-1/trace", points=100)
    assert len(trace["t_us"]) <= 100
    assert 2_000 == trace["samples"]
    assert 987.0 == max(depth for depth in trace["depth_mm"] if depth is not None)


def test_a_session_without_samples_has_an_empty_trace(house: House) -> None:
    house.close_session()
    expected = {"session": "s-1", "samples": 0, "t_us": [], "depth_mm": [], "load_kg": []}
    assert expected == house.get("/sessions/s-1/trace")
