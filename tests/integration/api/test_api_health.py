"""`/readyz` is 200 only while the whole line works, and says which part does not."""

from typing import Any

import pytest

from api_house import NOW_US, House, S
from sledwatch_storage.state.heartbeat import beat


@pytest.mark.parametrize(
    ("age_s", "detail", "following", "broken"),
    [
        (2, {"subscribed": True, "store": True}, True, []),
        (2, {"subscribed": True, "store": True}, False, ["analytics"]),
        (2, {"subscribed": False, "store": True}, True, ["ingest"]),
        (2, {"subscribed": True, "store": False}, True, ["ingest"]),
        (10, {"subscribed": True, "store": True}, True, ["ingest"]),
        (None, {}, True, ["ingest"]),
    ],
)
def test_ready_is_ready_only_while_every_part_works(
    house: House, age_s: int | None, detail: dict[str, Any], following: bool, broken: list[str]
) -> None:
    if age_s is not None:
        beat(house.engine, "ingest", NOW_US - age_s * S, detail)
    house.floor.following = following
    answer = house.stranger.get("/readyz")
    assert (503 if broken else 200, not broken) == (answer.status_code, answer.json()["ready"])
    assert broken == [part for part, health in answer.json()["parts"].items() if not health["ok"]]


def test_it_says_why_the_store_takes_no_writes(house: House) -> None:
    beat(house.engine, "ingest", NOW_US, {"subscribed": True, "store": False, "why": "no space left, say"})
    ingest = house.stranger.get("/readyz").json()["parts"]["ingest"]
    assert {"ok": False, "why": "its store takes no writes: no space left, say"} == ingest


WELL = {"subscribed": True, "store": True}
LOST = {"subscribed": False, "store": True}


@pytest.mark.parametrize(
    ("beats", "health"),
    [
        ({"a": (2, WELL), "b": (2, WELL)}, {"ok": True, "why": "subscribed, its store takes writes"}),
        ({"a": (2, WELL), "b": (2, LOST)}, {"ok": True, "why": "subscribed, its store takes writes (1 of 2 replicas)"}),
        ({"a": (2, LOST), "b": (2, LOST)}, {"ok": False, "why": "not subscribed at the broker"}),
        ({"a": (2, WELL), "b": (9_000, LOST)}, {"ok": True, "why": "subscribed, its store takes writes"}),
        ({"a": (9_000, WELL), "b": (2, LOST)}, {"ok": False, "why": "not subscribed at the broker"}),
        ({"a": (60, WELL), "b": (9_000, WELL)}, {"ok": False, "why": "last sign of life 60 s ago"}),
    ],
    ids=["both well", "one is not", "neither is", "one long gone", "one left, not well", "all gone"],
)
def test_of_several_replicas_of_ingest_those_that_live_are_looked_at(
    house: House, beats: dict[str, tuple[int, dict[str, bool]]], health: dict[str, Any]
) -> None:
    for name, (age_s, detail) in beats.items():
        beat(house.engine, f"ingest:{name}", NOW_US - age_s * S, detail)
    assert health == house.stranger.get("/readyz").json()["parts"]["ingest"]


def test_it_lives_whatever_else_is_away(house: House) -> None:
    house.floor.following = False
    assert 200 == house.stranger.get("/livez").status_code


def test_requests_are_counted_by_route_not_by_path(house: House) -> None:
    house.close_session()
    for session in ("s-1", "none"):
        house.client.get(f"/api/v1/sessions/{session}")
    figures = house.stranger.get("/metrics").text
    assert 'sledwatch_http_requests_total{method="GET",route="/api/v1/sessions/{session}",status="200"} 1.0' in figures
    assert 'route="/api/v1/sessions/{session}",status="404"} 1.0' in figures
