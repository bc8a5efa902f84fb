"""A machine's sensors as the API shows them: whether its depths count, what is wrong, and where its sled has rested."""

from typing import Final, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Connection

from sledwatch.alerts import alert_id
from sledwatch.events import Severity
from sledwatch.sensors import SESSIONS_UNTIL_GOOD, ZERO_OFF_MM, Seen, rack_of
from sledwatch_analytics.api.times import At, at, at_or_none
from sledwatch_storage.state import alerts as kept_alerts
from sledwatch_storage.state import sensors as kept

# Readings in one answer: about a month of a busy machine.
READINGS: Final = 60


class Trouble(BaseModel):
    """Something that is wrong with a machine's sensors."""

    rule: str = Field(examples=["machine.encoder-drift"])
    severity: Severity
    since_at: At
    sessions: int = Field(description="in how many sessions it was seen", examples=[4])
    title: str
    message: str = Field(description="one sentence: what is wrong")
    advice: str = Field(description="what to do about it")
    alert: str | None = Field(description="the alert about it, where there is one")


class Reading(BaseModel):
    """What a session's samples said about the sensors."""

    session: str = Field(examples=["01JDX4"])
    at: At = Field(description="when the session began")
    rack_mm: float | None = Field(description="where the sled rested, nearest to the usual", examples=[4.5])
    rack_start_mm: float | None = Field(description="where it rested before the first rep", examples=[4.5])
    rack_end_mm: float | None = Field(description="where it rested after the last", examples=[5.0])
    noise_mm: float | None = Field(description="standard deviation of a depth at rest", examples=[0.3])
    step_mm: float = Field(description="resolution of the depths; 0: none shows", examples=[0.5])
    missing_share: float = Field(description="share of the samples without a depth", examples=[0.0002])
    stuck_s: float = Field(description="for how long the encoder stood while the sled moved", examples=[0.0])
    slipped_mm: float = Field(description="by how much the encoder slipped", examples=[0.0])
    idle_kg: float | None = Field(description="the load at rest before the first rep", examples=[47.0])


class Sensors(BaseModel):
    """How well a machine sees."""

    state: Literal["unknown", "well", "faulty", "doubtful"] = Field(
        description="unknown: no session was looked at yet; faulty: something is wrong, depths count; doubtful: depth "
        "alerts are withheld"
    )
    since_at: At | None = Field(default=None, description="since when depths are doubtful")
    reference_mm: float | None = Field(
        default=None, description="where the sled rests in the rack, by its first sessions"
    )
    tolerance_mm: float = Field(default=ZERO_OFF_MM, description="how far from there, or from 0, is still right")
    good_sessions_needed: int = Field(
        default=SESSIONS_UNTIL_GOOD, description="in a row, until something that was wrong is taken back"
    )
    troubles: list[Trouble] = Field(default=[], description="what is wrong, the gravest first")
    readings: list[Reading] = Field(default=[], description=f"of the last {READINGS} sessions, the earliest first")


def sensors_of(connection: Connection, gym: str, machine: str) -> Sensors:
    """A machine's sensors as they stand."""
    stored = kept.sensors_of(connection, gym, machine)
    if stored is None:
        return Sensors(state="unknown")
    troubles = []
    for one in stored.troubles:
        alert = kept_alerts.get(connection, alert_id(one["rule"], gym, None, machine, None))
        if alert is not None and alert.state == "resolved":
            # By staff, and no session has been closed since.
            continue
        known = {**one, "since_at": at(one["since_us"]), "alert": None if alert is None else alert.id}
        troubles.append(Trouble.model_validate(known))
    doubtful = kept.doubt_of(connection, gym, machine) is not None
    readings = kept.readings_until(connection, gym, machine, None, READINGS)
    return Sensors(
        state="doubtful" if doubtful else "faulty" if troubles else "well",
        since_at=at_or_none(stored.since_us) if doubtful else None,
        reference_mm=stored.reference_mm,
        troubles=troubles,
        readings=[_reading(seen, stored.reference_mm or 0.0) for seen in readings],
    )


def _reading(seen: Seen, usual_mm: float) -> Reading:
    reading = seen.reading
    return Reading(
        session=seen.session,
        at=at(seen.start_us),
        rack_mm=rack_of(reading, usual_mm),
        rack_start_mm=reading.rack_start_mm,
        rack_end_mm=reading.rack_end_mm,
        noise_mm=reading.noise_mm,
        step_mm=reading.step_mm,
        missing_share=reading.missing_share,
        stuck_s=round(reading.stuck_s, 1),
        slipped_mm=round(reading.slipped_mm, 1),
        idle_kg=reading.idle_kg,
    )
