"""A machine's sensors over HTTP: how they are, what is wrong with them, and what each session said."""

from api_house import DAY, NOW_US, House
from sledwatch.reps import Span
from sledwatch.sensors import Seen, SensorReading
from sledwatch_analytics.closing.sensors import SensorsOfSession, sensors_at
from sledwatch_storage.state import sensors
from sledwatch_storage.state.engine import begin


def see(house: House, *levels_mm: float) -> None:
    """A session a day, with the sled at rest at these levels, closed one after the other."""
    for day, level_mm in enumerate(levels_mm):
        reading = SensorReading(
            samples=9000, reps=10, rack_start_mm=level_mm, rack_end_mm=level_mm + 0.5, noise_mm=0.3, idle_kg=47.0
        )
        start_us = NOW_US - (30 - day) * DAY
        seen = Seen(f"s-{day}", start_us, start_us + 1, reading)
        with begin(house.engine) as connection:
            sensors.put_reading(connection, "north", "press-1", seen)
        now = look(house, seen)
        with begin(house.engine) as connection:
            now.settle(connection, NOW_US)


def look(house: House, seen: Seen) -> SensorsOfSession:
    no_reps: list[Span] = []
    return sensors_at(
        house.engine,
        gym="north",
        machine="press-1",
        session=seen.session,
        start_us=seen.start_us,
        end_us=seen.end_us,
        time_zone="UTC",
        samples=None,
        spans=no_reps,
    )


def test_of_a_machine_without_a_session_nothing_is_known(house: House) -> None:
    house.floor.on_floor.append({"gym": "north", "machine": "press-1", "status": "online", "state": "free"})
    found = house.get("/gyms/north/machines/press-1")["sensors"]
    assert ("unknown", [], [], 10.0, 3) == (
        found["state"], found["troubles"], found["readings"], found["tolerance_mm"], found["good_sessions_needed"],
    )  # fmt: skip


def test_a_machine_that_sees_well_shows_where_its_sled_rests(house: House) -> None:
    house.floor.on_floor.append({"gym": "north", "machine": "press-1", "status": "online", "state": "free"})
    see(house, 5.0, 4.0, 6.0, 5.0)
    found = house.get("/gyms/north/machines/press-1")["sensors"]
    assert ("well", None, 5.0) == (found["state"], found["since_at"], found["reference_mm"])
    assert [("s-0", 5.0), ("s-1", 4.5), ("s-2", 6.0), ("s-3", 5.0)] == [
        (one["session"], one["rack_mm"]) for one in found["readings"]
    ]


def test_a_drift_is_told_with_what_to_do_and_leads_to_its_alert(house: House) -> None:
    house.floor.on_floor.append({"gym": "north", "machine": "press-1", "status": "online", "state": "free"})
    see(house, *[5.0] * 4, *[39.0] * 4)
    found = house.get("/gyms/north/machines/press-1")["sensors"]
    (trouble,) = found["troubles"]
    (alert,) = house.get("/alerts")["items"]
    assert ("doubtful", found["since_at"]) == (found["state"], trouble["since_at"])
    assert ("machine.encoder-drift", "warn", 4, alert["id"]) == (
        trouble["rule"], trouble["severity"], trouble["sessions"], trouble["alert"],
    )  # fmt: skip
    assert alert["message"] == trouble["message"]


def test_what_staff_resolved_is_told_no_more(house: House) -> None:
    house.floor.on_floor.append({"gym": "north", "machine": "press-1", "status": "online", "state": "free"})
    see(house, *[5.0] * 4, *[39.0] * 4)
    (alert,) = house.get("/alerts")["items"]
    assert house.client.post(f"/api/v1/alerts/{alert['id']}/resolve").is_success
    found = house.get("/gyms/north/machines/press-1")["sensors"]
    assert ("well", [], None) == (found["state"], found["troubles"], found["since_at"])
