"""What a closing makes of a machine's sensors: a reading a session, findings, alerts, and whether its depths count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from sledwatch import alerts as life
from sledwatch.events import Alert
from sledwatch.findings import Finding
from sledwatch.findings.sensors import sensor_finding, withheld
from sledwatch.reps import Span
from sledwatch.sensors import SENSOR_RULES, SESSIONS_UNTIL_GOOD, Seen, SensorState, judge_sensors, read_sensors
from sledwatch_analytics.closing.raising import CLOSING
from sledwatch_analytics.delivery.letters import tell
from sledwatch_analytics.measured import Samples
from sledwatch_storage.state import alerts as kept_alerts
from sledwatch_storage.state import sensors as kept
from sledwatch_storage.state.alerts import StoredAlert
from sledwatch_storage.state.reading import Bind

# How far a look goes back: what has been wrong for longer than this many sessions is told since the first of them.
SESSIONS_LOOKED_AT: Final = 60
# Of the first sessions some say nothing of the rack or the load; there is room for those among them.
FIRST_SESSIONS: Final = 12
GOOD_AGAIN: Final = f"Resolved: the last {SESSIONS_UNTIL_GOOD} sessions that could tell were well."


@dataclass(frozen=True, slots=True)
class SensorsOfSession:
    """A machine's sensors as they stand at a session.

    seen: what its samples said, None where they are gone. state: by the sessions up to this one, so that a closing
    again finds the same. settled_us: by rule, when staff had said before it began that all is right again.
    """

    gym: str
    machine: str
    session: str
    time_zone: str
    seen: Seen | None
    state: SensorState
    settled_us: dict[str, int]

    def withheld(self, findings: Sequence[Finding]) -> list[Finding]:
        """Findings as they may be told: no alert about depth while the depth sensor is doubtful."""
        doubt = self.state.doubt
        return [withheld(finding, doubt, self.machine, self.time_zone) for finding in findings]

    @property
    def findings(self) -> list[Finding]:
        """What this session shows of the machine."""
        shown = [one for one in self.state.troubles.values() if one.shown[-1].session == self.session]
        return [sensor_finding(trouble, self.machine, self.time_zone) for trouble in shown]

    def settle(self, connection: Connection, now_us: int) -> list[Alert]:
        """Store the reading and how the machine stands now; raise, repeat and resolve its alerts, within a closing's
        transaction. Returns the alerts that are new or have changed.
        """
        if self.seen is not None:
            kept.put_reading(connection, self.gym, self.machine, self.seen)
        newest = kept.readings_until(connection, self.gym, self.machine, None, 1)
        if not newest:
            return []
        known = _alerts(connection, self.gym, self.machine)
        settled = _settled(connection, self.gym, self.machine, known)
        last = newest[0]
        settled_us = kept.settled_before(settled, max(now_us, last.start_us))
        state = self.state
        if last.session != self.session or settled_us != self.settled_us:
            # Not the machine's newest session, or staff has said something since it began.
            recent = kept.readings_until(connection, self.gym, self.machine, None, SESSIONS_LOOKED_AT)
            state = _judged(connection, self.gym, self.machine, recent, settled_us)
        found = {
            rule: sensor_finding(trouble, self.machine, self.time_zone) for rule, trouble in state.troubles.items()
        }
        doubt = state.doubt
        kept.put_sensors(
            connection,
            kept.StoredSensors(
                gym=self.gym,
                machine=self.machine,
                doubt=None if doubt is None else doubt.rule,
                since_us=None if doubt is None else doubt.since_us,
                judged_us=last.start_us,
                rack_mm=state.rack_mm,
                reference_mm=state.reference_mm,
                troubles=[_as_told(finding) for finding in found.values()],
                settled=settled,
            ),
        )
        changed = []
        for rule in SENSOR_RULES:
            finding = found.get(rule)
            if finding is not None and life.becomes_alert(finding):
                alert = self._raise(connection, known.get(rule), finding, now_us)
            else:
                alert = _resolve(connection, known.get(rule), now_us)
            changed += [] if alert is None else [alert]
        return changed

    def _raise(self, connection: Connection, known: StoredAlert | None, finding: Finding, now_us: int) -> Alert | None:
        existing = None if known is None else known.alert
        if existing is not None and existing.state == "resolved":
            # What was before it was resolved is not looked at any more: this has happened since.
            since = min(kept_alerts.at(finding.at_us), kept_alerts.at(now_us))
            existing = replace(existing, state="open", first_at=since, last_at=since)
            kept_alerts.mark(connection, existing.id, None, None)
        alert = life.raise_or_repeat(
            existing,
            finding,
            gym=self.gym,
            user=None,
            machine=self.machine,
            session=None,
            now=kept_alerts.at(now_us),
        )
        if known is not None and alert == known.alert:
            return None
        kept_alerts.save(connection, alert, provisional=False)
        tell(connection, alert, now_us, anew=True)
        return alert


def sensors_at(
    bind: Bind,
    *,
    gym: str,
    machine: str,
    session: str,
    start_us: int,
    end_us: int,
    time_zone: str,
    samples: Samples | None,
    spans: Sequence[Span],
) -> SensorsOfSession:
    """Look at a session's sensors, and at those of the machine up to it.

    samples: None where they are gone: then what was read of them when they were there counts.
    """
    seen = None
    if samples is not None:
        reading = read_sensors(samples.t_us, samples.depth_mm, samples.load_kg, spans)
        seen = Seen(session, start_us, end_us, reading)
    own = seen or kept.reading_of(bind, session)
    # A session of before the sensors were looked at has no reading either.
    until = kept.readings_until(bind, gym, machine, start_us, SESSIONS_LOOKED_AT)
    recent = [one for one in until if _order(one) < (start_us, session)] + ([] if own is None else [own])
    settled_us = kept.settled_before(_settled(bind, gym, machine, _alerts(bind, gym, machine)), start_us)
    state = _judged(bind, gym, machine, recent, settled_us)
    return SensorsOfSession(gym, machine, session, time_zone, seen, state, settled_us)


def _judged(bind: Bind, gym: str, machine: str, recent: Sequence[Seen], settled_us: Mapping[str, int]) -> SensorState:
    firsts: dict[int, list[Seen]] = {}

    def first(from_us: int) -> list[Seen]:
        """Of the sessions up to the last of `recent`, which may not be stored yet, or read anew since it was."""
        if from_us not in firsts:
            last = recent[-1:]
            stored = kept.readings_from(bind, gym, machine, from_us, FIRST_SESSIONS)
            others = [seen for seen in stored if last and (seen.start_us, seen.session) < _order(last[0])]
            firsts[from_us] = [*others, *(seen for seen in last if seen.start_us >= from_us)][:FIRST_SESSIONS]
        return firsts[from_us]

    return judge_sensors(first, recent, settled_us)


def _alerts(bind: Bind, gym: str, machine: str) -> dict[str, StoredAlert]:
    """The alerts about a machine's sensors, by rule."""
    ids = {life.alert_id(rule, gym, None, machine, None): rule for rule in SENSOR_RULES}
    return {ids[alert_id]: one for alert_id, one in kept_alerts.several_stored(bind, list(ids)).items()}


def _order(seen: Seen) -> tuple[int, str]:
    return seen.start_us, seen.session


def _settled(bind: Bind, gym: str, machine: str, known: dict[str, StoredAlert]) -> dict[str, list[int]]:
    """When staff said of each rule that it is put right: as noted before, and as its alert says now."""
    stored = kept.sensors_of(bind, gym, machine)
    settled = {} if stored is None else {rule: list(times) for rule, times in stored.settled.items()}
    for rule, one in known.items():
        by_hand = one.alert.state == "resolved" and one.changed_by != CLOSING
        if by_hand and one.changed_us is not None:
            times = settled.setdefault(rule, [])
            if one.changed_us not in times:
                times.append(one.changed_us)
    return settled


def _resolve(connection: Connection, known: StoredAlert | None, now_us: int) -> Alert | None:
    if known is None or known.alert.state == "resolved":
        return None
    resolved = life.resolve(known.alert)
    kept_alerts.save(connection, resolved, provisional=False)
    kept_alerts.mark(connection, resolved.id, CLOSING, now_us)
    kept_alerts.comment(connection, resolved.id, CLOSING, now_us, GOOD_AGAIN)
    return resolved


def _as_told(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "since_us": finding.at_us,
        "sessions": finding.count,
        "title": finding.title,
        "message": finding.message,
        "advice": finding.advice,
    }
