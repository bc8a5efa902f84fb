"""The API on real stores in a directory of its own, with a floor that shows what a test puts on it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from sledwatch.events import Alert, Event, Frame, Rep
from sledwatch.strength import Strength
from sledwatch_analytics.access import Access
from sledwatch_analytics.api.app import create_app
from sledwatch_analytics.api.parts import ApiConfig
from sledwatch_analytics.live.pressed import Pressed
from sledwatch_analytics.stream import Hub
from sledwatch_storage.series import StoredFrame
from sledwatch_storage.series.memory import MemorySeries
from sledwatch_storage.state import alerts, findings, ledger, sessions
from sledwatch_storage.state.engine import begin, open_state

TOKEN = "a-token-of-the-administrator"
# 2026-11-22 17:00 UTC
NOW_US = 1_795_366_800_000_000
S = 1_000_000
DAY = 86_400 * S
SETUP = {"backrest_deg": 30.0, "notch": 4, "foot_row": 2, "foot_offset_mm": 0.0}


@dataclass
class StandingFloor:
    """A floor on which nothing moves but by a test's hand."""

    following: bool = True
    on_floor: list[dict[str, Any]] = field(default_factory=list)
    reps: dict[str, list[Rep]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    pressed: dict[tuple[str, str], Pressed] = field(default_factory=dict)

    def machines(self, gym: str) -> Sequence[dict[str, Any]]:
        return [machine for machine in self.on_floor if machine["gym"] == gym]

    def live_reps(self, session: str) -> Sequence[Rep]:
        return self.reps.get(session, [])

    def pressing(self, gym: str, machine: str) -> Pressed | None:
        return self.pressed.get((gym, machine))

    def limits_changed(self, user: str) -> None:
        self.changed.append(user)


@dataclass
class House:
    """The parts of an app, and a client that has the administrator's token."""

    engine: Engine
    series: MemorySeries
    floor: StandingFloor
    hub: Hub
    access: Access
    app: FastAPI
    now_us: int = NOW_US

    @property
    def client(self) -> TestClient:
        return TestClient(self.app, headers={"Authorization": f"Bearer {TOKEN}"}, raise_server_exceptions=False)

    @property
    def stranger(self) -> TestClient:
        return TestClient(self.app, base_url="http://gym.test", follow_redirects=False)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def walk(self, path: str, limit: int, **query: Any) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit=limit, **query, **cursor)
            found += page["items"]
            if page["next"] is None:
                return found
            cursor = {"cursor": page["next"]}

    def start_session(self, session: str = "s-1", user: str = "m-1", start_us: int = NOW_US - 600 * S) -> None:
        with begin(self.engine) as connection:
            sessions.appear(
                connection,
                session=session,
                gym="north",
                machine="press-1",
                user=user,
                start_us=start_us,
                setup=SETUP,
                now_us=start_us,
            )

    def close_session(
        self,
        session: str = "s-1",
        user: str = "m-1",
        start_us: int = NOW_US - 600 * S,
        reps: int = 3,
        found: Sequence[findings.StoredFinding] = (),
        load_kg: float = 120.0,
        strength: Strength | None = None,
    ) -> list[Rep]:
        self.start_session(session, user, start_us)
        made = [
            replace(a_rep(number, session=session, user=user, start_us=start_us), load_kg=load_kg)
            for number in range(1, reps + 1)
        ]
        end_us = start_us + 300 * S
        closed = sessions.Closed(session, start_us, end_us, SETUP, 1, 412.0, "calibrated", 1, strength=strength)
        with begin(self.engine) as connection:
            sessions.close(connection, closed, made)
            findings.replace_findings(connection, session, found)
        return made

    def log_frames(
        self, session: str = "s-1", frames: int = 1, samples: int = 50, peak: tuple[int, float] | None = None
    ) -> None:
        """Frames of a session as ingest stores them, and among them one of nobody's."""
        start_us = NOW_US - 600 * S
        arrived: list[ledger.Arrived] = []
        for seq in range(frames):
            depth_mm: list[float | None] = [float(sample) for sample in range(samples)]
            if seq == 0:
                depth_mm[7] = None
            if peak is not None and seq == peak[0] // samples:
                depth_mm[peak[0] % samples] = peak[1]
            frame = Frame("boot-1", seq, start_us + seq * samples * 20_000, 20_000, depth_mm, 120.0, session)
            arrived.append(ledger.Arrived(Event("north", "press-1", frame), NOW_US))
        stray = Frame("boot-1", frames, start_us + 10_000, 20_000, [1.0], 0.0)
        arrived.append(ledger.Arrived(Event("north", "press-1", stray), NOW_US))
        self.series.append(
            [StoredFrame(one.event.gym, one.event.machine, one.event.payload, NOW_US) for one in arrived]  # type: ignore[arg-type]
        )
        ledger.record(self.engine, arrived, [], NOW_US)

    def raise_alert(self, **changes: Any) -> Alert:
        alert = an_alert(**changes)
        with begin(self.engine) as connection:
            alerts.save(connection, alert, provisional=False)
        return alert


def a_rep(number: int, session: str = "s-1", user: str = "m-1", start_us: int = NOW_US - 600 * S) -> Rep:
    begins_us = start_us + number * 4 * S
    return Rep(
        session=session,
        user=user,
        gym="north",
        machine="press-1",
        set=1 + (number - 1) // 10,
        rep=number,
        t_start_us=begins_us,
        t_turn_us=begins_us + 2 * S,
        t_end_us=begins_us + 3 * S,
        load_kg=120.0,
        depth_mm=400.0 + number,
        rom_mm=380.0,
        eccentric_s=2.0,
        concentric_s=1.0,
        mean_velocity_m_s=0.38,
        work_j=320.0,
    )


def an_alert(**changes: Any) -> Alert:
    values: dict[str, Any] = {
        "id": "0" * 31 + "1",
        "gym": "north",
        "user": "m-1",
        "machine": "press-1",
        "session": "s-1",
        "rule": "depth.excessive",
        "severity": "alert",
        "state": "open",
        "count": 2,
        "first_at": alerts.at(NOW_US - 500 * S),
        "last_at": alerts.at(NOW_US - 400 * S),
        "title": "Too deep",
        "message": "Two reps went past the limit of 412 mm.",
        "advice": "Raise the stop.",
        "evidence": {"limit_mm": 412.0, "deepest_mm": 431.0},
        "limit_tier": "calibrated",
    }
    return Alert(**{**values, **changes})


def a_finding(number: int = 1, **changes: Any) -> findings.StoredFinding:
    values: dict[str, Any] = {
        "id": f"{number:032x}",
        "session": "s-1",
        "gym": "north",
        "machine": "press-1",
        "user": "m-1",
        "rule": "depth.excessive",
        "severity": "alert",
        "at_us": NOW_US - 500 * S,
        "set": 1,
        "count": 2,
        "title": "Too deep",
        "message": "Two reps went past the limit of 412 mm.",
        "advice": "Raise the stop.",
        "evidence": {"limit_mm": 412.0},
        "limit_tier": "calibrated",
    }
    return {**values, **changes}  # type: ignore[typeddict-item]


@contextmanager
def open_house(directory: Path, migrated: Path, time_zone: str = "UTC") -> Iterator[House]:
    """An app on stores of its own, the state DB a copy of one that is migrated."""
    shutil.copyfile(migrated, directory / "state.db")
    engine = open_state(f"sqlite:///{directory / 'state.db'}")
    series, floor, hub = MemorySeries(), StandingFloor(), Hub("e0")
    house: House

    def clock() -> int:
        return house.now_us

    access = Access(engine, TOKEN, clock)
    config = ApiConfig(time_zone=time_zone, registry=CollectorRegistry())
    app = create_app(engine, series, floor, hub, access, clock, config)
    house = House(engine, series, floor, hub, access, app)
    try:
        yield house
    finally:
        hub.close()
        engine.dispose()
