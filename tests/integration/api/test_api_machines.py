"""Machines over HTTP: what has become of what they sent, boot by boot, and what befell them; and as metrics."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from api_house import NOW_US, House, S
from sledwatch.events import Event, Frame, Offline, Online, Payload, Reason, Refusal
from sledwatch_analytics.api.accounts_metrics import AccountsMetrics
from sledwatch_storage.state.ledger import Arrived, Refused, record


def online(boot: str = "b1", **more: Any) -> Online:
    return Online(boot=boot, kind="incline", rail_deg=45.0, backrest_deg=30.0, travel_mm=620.0, rate_hz=50.0, **more)


def frame(seq: int, boot: str = "b1", behind_us: int = 0) -> Frame:
    """A second that ends as it arrives, by a clock that is so far behind."""
    start_us = NOW_US - S - behind_us
    return Frame(boot=boot, seq=seq, t_us=start_us, dt_us=20_000, depth_mm=[1.0] * 50, load_kg=1.0)


def arrive(house: House, *payloads: Payload, gym: str = "north", machine: str = "press-1") -> None:
    record(house.engine, [Arrived(Event(gym, machine, payload), NOW_US) for payload in payloads], [], NOW_US)


def refuse(house: House, seq: int) -> None:
    refusal = Refusal(Reason.BAD_NAME, "no name", "north", "press-1", "b1", seq)
    record(house.engine, [], [Refused(NOW_US, "sledwatch/v1/north/press-1/frame", b"{}", refusal)], NOW_US)


def figures(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(figure) for name, _, figure in lines}


def test_a_machine_has_an_account_of_all_it_sent(house: House) -> None:
    arrive(house, online(), frame(0), frame(1), frame(5), frame(3), frame(1))
    refuse(house, 6)
    account = house.get("/gyms/north/machines/press-1")["account"]
    expected = {
        "received": 5, "repeated": 1, "refused": 1, "stored": 4, "missing": 2, "lost": 0, "disordered": 1,
        "out_of_range": 0, "clock_offset_s": 0.0,
    }  # fmt: skip
    assert expected == account


def test_it_is_in_the_list_of_the_gyms_machines_too(house: House) -> None:
    arrive(house, online(), frame(0))
    house.floor.on_floor.append({"gym": "north", "machine": "press-1", "status": "online", "state": "free"})
    (machine,) = house.get("/gyms/north/machines")["items"]
    assert house.get("/gyms/north/machines/press-1")["account"] == machine["account"]


def test_a_late_frame_fills_its_gap_and_the_account_follows(house: House) -> None:
    arrive(house, online(), frame(0), frame(2))
    assert [[1, 1]] == house.get("/gyms/north/machines/press-1")["boots"][0]["missing_ranges"]
    arrive(house, frame(1))
    (boot,) = house.get("/gyms/north/machines/press-1")["boots"]
    assert ([], 0, 3, 1) == (boot["missing_ranges"], boot["missing"], boot["stored"], boot["disordered"])


def test_what_the_machine_holds_no_more_is_lost_until_it_comes_after_all(house: House) -> None:
    arrive(house, online(), frame(0), frame(4), online(oldest_seq=4))
    (boot,) = house.get("/gyms/north/machines/press-1")["boots"]
    assert (0, 3, 4, 4) == (boot["missing"], boot["lost"], boot["top"], boot["oldest_seq"])
    arrive(house, frame(2))
    assert 2 == house.get("/gyms/north/machines/press-1")["account"]["lost"]


def test_boots_have_accounts_of_their_own_and_the_machine_their_sum(house: House) -> None:
    arrive(house, online("b1"), frame(0, "b1"))
    arrive(house, online("b2"), frame(0, "b2"), frame(1, "b2"))
    arrive(house, frame(1, "b1"))
    machine = house.get("/gyms/north/machines/press-1")
    assert {("b1", False, 2), ("b2", True, 2)} == {
        (boot["boot"], boot["current"], boot["stored"]) for boot in machine["boots"]
    }
    assert 4 == machine["account"]["stored"]


def test_a_clock_that_is_behind_is_seen(house: House) -> None:
    arrive(house, online(), frame(0, behind_us=90 * S), frame(1, behind_us=60 * S))
    assert -60.0 == house.get("/gyms/north/machines/press-1")["account"]["clock_offset_s"]


def test_what_befell_a_machine_is_told_the_newest_first(house: House) -> None:
    arrive(house, online("b1"), frame(0), frame(3))
    arrive(house, online("b1", oldest_seq=3))
    arrive(house, Offline("b1"))
    arrive(house, online("b2"))
    events = house.get("/gyms/north/machines/press-1")["events"]
    assert [("online", "b2"), ("offline", "b1"), ("gap", "b1"), ("online", "b1")] == [
        (event["kind"], event["boot"]) for event in events
    ]
    assert ("b1", (2, [[1, 2]])) == (events[0]["after"], (events[2]["lost"], events[2]["ranges"]))
    assert events == house.walk("/gyms/north/machines/press-1/events", limit=3)


def test_a_machine_that_the_floor_has_not_seen_yet_is_shown_from_what_is_stored(house: House) -> None:
    arrive(house, online(), frame(0))
    machine = house.get("/gyms/north/machines/press-1")
    assert ("offline", 1) == (machine["state"], machine["account"]["stored"])


@pytest.mark.parametrize("path", ["/gyms/north/machines/press-9", "/gyms/north/machines/press-9/events"])
def test_a_machine_that_nobody_has_heard_of_is_not_found(house: House, path: str) -> None:
    assert 404 == house.client.get(f"/api/v1{path}").status_code


def test_accounts_are_metrics_of_each_machine(house: House) -> None:
    arrive(house, online(), frame(0, behind_us=2 * S), frame(2), gym="north")
    arrive(house, Offline("b9"), gym="south", machine="press-7")
    refuse(house, 3)
    found = figures(house.stranger.get("/metrics").text)
    north, south = '{gym="north",machine="press-1"}', '{gym="south",machine="press-7"}'
    expected = {
        f"sledwatch_machine_messages_received_total{north}": 2.0,
        f"sledwatch_machine_messages_stored_total{north}": 2.0,
        f"sledwatch_machine_messages_refused_total{north}": 1.0,
        f"sledwatch_machine_messages_missing{north}": 1.0,
        f"sledwatch_machine_messages_lost{north}": 0.0,
        f"sledwatch_machine_clock_offset_seconds{north}": 0.0,
        f"sledwatch_machine_online{north}": 1.0,
        f"sledwatch_machine_online{south}": 0.0,
        f"sledwatch_machine_messages_received_total{south}": 0.0,
        'sledwatch_quarantine_messages{gym="north",reason="bad-name"}': 1.0,
        'sledwatch_quarantine_dropped_total{gym="north",reason="bad-name"}': 0.0,
    }
    assert expected == {name: found[name] for name in expected}


def test_of_very_many_machines_the_metrics_are_the_sums_of_the_gyms(house: House) -> None:
    arrive(house, online(), frame(0))
    arrive(house, online(), frame(0), frame(1), machine="press-2")
    registry = CollectorRegistry()
    registry.register(AccountsMetrics(house.engine, most_machines=1))
    found = figures(generate_latest(registry).decode())
    assert 3.0 == found['sledwatch_machine_messages_stored_total{gym="north",machine=""}']
    assert not [name for name in found if "press-" in name]


def test_a_state_db_that_is_away_leaves_the_other_metrics(house: House) -> None:
    house.engine.dispose()
    Path(house.engine.url.database or "").write_text("this is no database" * 100)
    assert "sledwatch_stream_listeners" in figures(house.stranger.get("/metrics").text)
