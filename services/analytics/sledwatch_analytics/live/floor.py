"""The floor as it is now: every machine, who is on it, how deep, and the word that goes back to the machine.

All of it is provisional: what a session was is said by its closing. Frames that come late, twice or out of order tell
nothing live; closing reads them from the store.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine

from sledwatch import alerts as life
from sledwatch.events import (
    CUE_EXPIRES_S,
    Alert,
    Cue,
    Event,
    Frame,
    Limit,
    Offline,
    Online,
    Refusal,
    Rep,
    SessionEnd,
    SessionSetup,
    SessionStart,
    Setup,
    TopicKind,
    decode,
    encode,
    parse_topic,
    topic,
)
from sledwatch.findings import Finding
from sledwatch.strength import reference_load
from sledwatch_analytics.closing.closer import as_event
from sledwatch_analytics.closing.judging import of_member, pseudonymous
from sledwatch_analytics.closing.raising import CLOSING
from sledwatch_analytics.lifting import strength_at
from sledwatch_analytics.live.machine import FloorMachine
from sledwatch_analytics.live.metrics import LiveMetrics
from sledwatch_analytics.live.pressed import Pressed
from sledwatch_analytics.live.session import Advance, LiveSession, Member
from sledwatch_analytics.live.writing import Writer
from sledwatch_analytics.measured import end_us, samples_of
from sledwatch_analytics.stream import Hub
from sledwatch_storage.series import SeriesStore, StoreUnavailable
from sledwatch_storage.state import alerts, arrivals, sessions
from sledwatch_storage.state.arrivals import LoggedSession
from sledwatch_storage.state.engine import StateUnavailable
from sledwatch_storage.state.limits import limit_book
from sledwatch_storage.state.machines import known_machines
from sledwatch_storage.state.members import get_member
from sledwatch_storage.state.protocols import get_protocol
from sledwatch_storage.state.sensors import doubt_of

# Frames older than this when they arrive were buffered through an outage: they show no present.
LIVE_WITHIN_US: Final = 60 * 1_000_000
CUE_WITHIN_US: Final = CUE_EXPIRES_S * 1_000_000
# A session of which nothing is heard for this long is over as far as the floor can tell, like in closing.
SILENT_US: Final = 10 * 60 * 1_000_000
# How often a machine's tile moves: four times a second.
TILE_S: Final = 0.25
# A frame of a session whose start was not heard asks the state DB who that is, this often.
ASK_AGAIN_US: Final = 2 * 1_000_000
SESSIONS_REMEMBERED: Final = 500


log = structlog.get_logger()


class Publish(Protocol):
    """Hands a message to the broker, or drops it where there is no connection; whether it was handed over."""

    def __call__(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: int | None = None) -> bool: ...


def nobody_listens(topic: str, payload: bytes, *, retain: bool = False, expires_s: int | None = None) -> bool:  # noqa: ARG001
    """Publishing where there is no broker."""
    return False


class LiveFloor:
    """Follows the machines. Thread-safe; `on_event` is quick, but reads the state DB when a session starts."""

    def __init__(
        self,
        engine: Engine,
        hub: Hub,
        clock: Callable[[], int],
        *,
        series: SeriesStore | None = None,
        publish: Publish = nobody_listens,
        is_following: Callable[[], bool] = lambda: True,
        monotonic: Callable[[], float] = time.monotonic,
        registry: CollectorRegistry | None = None,
    ) -> None:
        """series: where sessions that were going on at a restart are read from; none: they begin anew.

        registry: where figures for Prometheus go.
        """
        self._metrics = LiveMetrics(registry or CollectorRegistry())
        self._engine = engine
        self._hub = hub
        self._clock = clock
        self._series = series
        self._publish = publish
        self._is_following = is_following
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._machines: dict[tuple[str, str], FloorMachine] = {}
        self._reps: OrderedDict[str, list[Rep]] = OrderedDict()
        self._moved: dict[tuple[str, str], FloorMachine] = {}
        self._news = threading.Event()
        self.writer = Writer(engine)

    # What others ask

    @property
    def following(self) -> bool:
        """Whether it hears the machines."""
        return self._is_following()

    def machines(self, gym: str) -> list[dict[str, Any]]:
        """The machines of a gym as `GET /gyms/{gym}/machines` lists them, by name."""
        with self._lock:
            return [machine.tile() for key, machine in sorted(self._machines.items()) if key[0] == gym]

    def live_reps(self, session: str) -> list[Rep]:
        """The reps so far of a session that is not closed yet, ascending."""
        with self._lock:
            return list(self._reps.get(session, []))

    def pressing(self, gym: str, machine: str) -> Pressed | None:
        """Who is on a machine now, and where their sled is; None where nobody is badged in."""
        with self._lock:
            on_floor = self._machines.get((gym, machine))
            session = None if on_floor is None else on_floor.session
            if on_floor is None or session is None or session.member is None:
                return None
            return Pressed(
                user=session.member.user,
                session=session.session,
                setup=session.setup,
                depth_mm=on_floor.depth_mm,
                load_kg=on_floor.load_kg,
                bottom_mm=session.now.descending_bottom_mm,
                reps=tuple(session.reps),
            )

    def limits_changed(self, user: str) -> None:
        """What is known of this member has changed (limits, protocol, name, body): read it, and tell their machine."""
        with self._lock:
            for machine in self._machines.values():
                session = machine.session
                if session is not None and session.member is not None and session.member.user == user:
                    known = self._member(user, machine, session.start_us)
                    if known is None:
                        continue
                    session.meet(known)
                    self._say_limit(machine, session)
                    self._show(machine)

    # What arrives

    def on_message(self, topic_text: str, payload: bytes, retained: bool) -> None:
        """A message as the broker hands it on; one that breaks the contract is left to ingest and its quarantine."""
        parsed = parse_topic(topic_text)
        if parsed is None or parsed.kind not in {TopicKind.STATE, TopicKind.SESSION, TopicKind.FRAME}:
            return
        now_us = self._clock()
        event = decode(topic_text, payload, now_us)
        if isinstance(event, Refusal):
            self._metrics.ignored.labels(event.reason.value).inc()
            return
        self._metrics.heard.labels(parsed.kind.value).inc()
        self.on_event(event, now_us, retained=retained)

    def on_event(self, event: Event, received_us: int, *, retained: bool = False) -> None:
        """Something a machine said."""
        with self._lock:
            key = (event.gym, event.machine)
            machine = self._machines.setdefault(key, FloorMachine(event.gym, event.machine))
            payload = event.payload
            if not (retained or isinstance(payload, Offline)):
                machine.seen_us = received_us
            match payload:
                case Frame():
                    self._on_frame(machine, payload, received_us)
                case Online() | Offline():
                    self._on_state(machine, payload, received_us, retained=retained)
                case SessionStart():
                    self._on_start(machine, payload, received_us, retained=retained)
                case SessionSetup():
                    self._on_setup(machine, payload)
                case SessionEnd():
                    self._on_end(machine, payload)

    def on_following(self) -> None:
        """The broker is there (again): it may have forgotten what it kept for the machines."""
        with self._lock:
            for machine in self._machines.values():
                if machine.session is not None and machine.session.member is not None:
                    self._say_limit(machine, machine.session)

    def load(self) -> None:
        """Take up what the state DB knows: machines, and the sessions that were going on. Raises StateUnavailable."""
        now_us = self._clock()
        with self._lock:
            for known in known_machines(self._engine):
                machine = FloorMachine(known.gym, known.machine, known.online, known.boot)
                machine.is_online = known.status == "online"
                machine.seen_us = known.seen_us
                machine.since_us = known.status_us
                self._machines[known.gym, known.machine] = machine
                logged = arrivals.open_on(self._engine, known.gym, known.machine)
                if logged is not None and logged.boot == known.boot and now_us - logged.arrival_us < SILENT_US:
                    self._take_up(machine, logged)

    def run(self, stop: threading.Event) -> None:
        """Move the tiles that wait for their turn, and end sessions that fell silent, until `stop` is set."""
        looked_s = self._monotonic()
        while not stop.is_set():
            if self._news.wait(TILE_S):
                stop.wait(TILE_S)
                self._news.clear()
                self._show_moved()
            if self._monotonic() - looked_s > 10.0:
                looked_s = self._monotonic()
                self.end_silent()

    # State

    def _on_state(self, machine: FloorMachine, state: Online | Offline, received_us: int, *, retained: bool) -> None:
        if isinstance(state, Offline):
            # The will of a connection that an earlier boot had says nothing of this one.
            if machine.boot in {None, state.boot} and machine.is_online:
                machine.is_online = False
                machine.since_us = received_us
                self._show(machine)
            elif machine.boot is None:
                machine.boot = state.boot
            return
        if machine.boot != state.boot:
            if machine.boot is not None and machine.session is not None:
                self._finish(machine)
            machine.boot = state.boot
            machine.last_seq = -1
        machine.online = state
        if machine.session is not None:
            before = machine.session.cap
            machine.session.describe(state)
            if machine.session.cap != before:
                self._say_limit(machine, machine.session)
        if not machine.is_online:
            machine.is_online = True
            machine.since_us = received_us if not retained or machine.since_us is None else machine.since_us
        self._show(machine)

    # Sessions

    def _on_start(self, machine: FloorMachine, start: SessionStart, received_us: int, *, retained: bool) -> None:
        session = machine.session
        if session is not None and session.session == start.session:
            self._introduce(machine, session, start)
            return
        if start.session in machine.ended or (session is not None and start.t_us < session.start_us):
            self._metrics.ignored.labels("old-session").inc()
            return
        if machine.boot is not None and start.boot != machine.boot:
            if retained or received_us - start.t_us > LIVE_WITHIN_US:
                self._metrics.ignored.labels("old-boot").inc()
                return
            machine.boot, machine.last_seq = start.boot, -1
        if self._is_over(start.session, received_us, retained=retained):
            machine.ended.append(start.session)
            return
        machine.boot = machine.boot or start.boot
        if received_us - start.t_us > LIVE_WITHIN_US:
            machine.announced.append(start)
            return
        if session is not None:
            self._finish(machine)
        self._introduce(machine, self._begin(machine, start.session, start.t_us), start)

    def _is_over(self, session: str, now_us: int, *, retained: bool) -> bool:
        """Whether a start that the broker had kept is of a session that ended, or fell silent, long ago."""
        if not retained:
            return False
        try:
            logged = arrivals.logged(self._engine, session)
        except StateUnavailable as error:
            log.warning("live.state_away", reason=str(error))
            return False
        return logged is not None and (logged.ended_arrival_us is not None or now_us - logged.arrival_us > SILENT_US)

    def _begin(self, machine: FloorMachine, session: str, start_us: int) -> LiveSession:
        machine.session = LiveSession(session, machine.gym, machine.machine, start_us, machine.kind_of_machine)
        machine.alert = None
        machine.since_us = start_us
        self._reps[session] = machine.session.reps
        while len(self._reps) > SESSIONS_REMEMBERED:
            self._reps.popitem(last=False)
        return machine.session

    def _introduce(self, machine: FloorMachine, session: LiveSession, start: SessionStart) -> None:
        """Who is badged in, and how the machine is set."""
        session.set_up(start.t_us, start.setup)
        if session.member is None:
            session.start_us = machine.since_us = start.t_us
            member = self._member(start.user, machine, start.t_us)
            if member is None:
                self._show(machine)
                return
            session.meet(member)
            session.doubtful = self._is_doubtful(machine)
            machine.alert = self._known_alert(machine, session)
            self._say_limit(machine, session)
            self._write_start(machine, session, start.user, start.setup)
        self._show(machine)

    def _on_setup(self, machine: FloorMachine, moved: SessionSetup) -> None:
        session = machine.session
        if session is not None and session.session == moved.session:
            before = session.cap
            session.set_up(moved.t_us, moved.setup)
            if session.cap != before:
                self._say_limit(machine, session)
            self._show(machine)

    def _on_end(self, machine: FloorMachine, end: SessionEnd) -> None:
        if end.session not in machine.ended:
            machine.ended.append(end.session)
        session = machine.session
        if session is not None and session.session == end.session:
            self._finish(machine)
            machine.since_us = end.t_us
            self._show(machine)
            if session.member is not None:
                self._hub.publish("session", _ended(session, session.member, end.t_us))

    def _finish(self, machine: FloorMachine) -> None:
        session = machine.session
        if session is None:
            return
        self._tell(machine, session, session.finish(), age_us=LIVE_WITHIN_US)
        if session.session not in machine.ended:
            machine.ended.append(session.session)
        machine.session = None
        machine.alert = None

    def end_silent(self) -> None:
        """End the sessions of which nothing was heard for ten minutes; their end got lost."""
        now_us = self._clock()
        with self._lock:
            for machine in self._machines.values():
                silent = machine.seen_us is not None and now_us - machine.seen_us > SILENT_US
                if machine.session is not None and silent:
                    self._finish(machine)
                    machine.since_us = now_us
                    self._show(machine)

    # Frames

    def _on_frame(self, machine: FloorMachine, frame: Frame, received_us: int) -> None:
        age_us = received_us - end_us(frame)
        if machine.boot != frame.boot:
            if machine.boot is not None and (age_us > LIVE_WITHIN_US or frame.t_us < (machine.t_us or 0)):
                self._metrics.ignored.labels("old-boot").inc()
                return
            machine.boot, machine.last_seq = frame.boot, -1
        if frame.seq <= machine.last_seq:
            self._metrics.ignored.labels("repeated-or-late").inc()
            return
        machine.last_seq = frame.seq
        if age_us > LIVE_WITHIN_US:
            self._on_buffered(machine, frame)
            return
        if not machine.is_online:
            machine.is_online = True
            machine.since_us = received_us
        machine.draw(frame)
        session = self._session_of(machine, frame, received_us)
        if session is not None:
            advance = session.push(samples_of(frame))
            self._tell(machine, session, advance, age_us=age_us)
        self._show(machine)

    def _on_buffered(self, machine: FloorMachine, frame: Frame) -> None:
        """A frame of an outage shows no present, but it counts in the session that it belongs to."""
        session = machine.session
        if session is not None and session.session == frame.session:
            self._tell(machine, session, session.push(samples_of(frame)), age_us=LIVE_WITHIN_US + 1)
            return
        self._metrics.ignored.labels("buffered").inc()
        machine.keep(frame)

    def _session_of(self, machine: FloorMachine, frame: Frame, received_us: int) -> LiveSession | None:
        """The session a frame belongs to, where that is the one in progress; its start may not have been heard."""
        if frame.session is None or frame.session in machine.ended:
            return None
        session = machine.session
        if session is None or session.session != frame.session:
            if session is not None:
                self._finish(machine)
            session = self._begin(machine, frame.session, frame.t_us)
            machine.asked_us = 0
            for start in [one for one in machine.announced if one.session == frame.session]:
                self._introduce(machine, session, start)
            for kept in machine.kept_of(frame.session):
                self._tell(machine, session, session.push(samples_of(kept)), age_us=LIVE_WITHIN_US + 1)
        if session.member is None and received_us - machine.asked_us > ASK_AGAIN_US:
            machine.asked_us = received_us
            self._ask_who(machine, session)
        return session

    def _ask_who(self, machine: FloorMachine, session: LiveSession) -> None:
        try:
            logged = arrivals.logged(self._engine, session.session)
        except StateUnavailable as error:
            log.warning("live.state_away", reason=str(error))
            return
        if logged is not None and logged.user is not None and logged.start_us is not None:
            for start in _start_of(logged):
                self._introduce(machine, session, start)

    # What is said

    def _tell(self, machine: FloorMachine, session: LiveSession, advance: Advance, *, age_us: int) -> None:
        """Say what a frame brought; a cue only while it can still be followed, reps while they are news."""
        if advance.finding is not None:
            self._raise(machine, session, advance.finding)
        if advance.cue is not None and age_us <= CUE_WITHIN_US and machine.t_us is not None:
            cue = Cue(session.session, advance.cue, machine.t_us, round(advance.cue_depth_mm, 1))
            self._say(machine, TopicKind.CUE, encode(cue), expires_s=CUE_EXPIRES_S)
        if session.member is not None and age_us <= LIVE_WITHIN_US:
            for rep in advance.reps:
                self._hub.publish("rep", rep)
                self._say(machine, TopicKind.REP, encode(rep))

    def _raise(self, machine: FloorMachine, session: LiveSession, finding: Finding) -> None:
        """Tell of excessive depth at once, and have it stored right after: closing finds it again if that fails."""
        if session.member is None or session.doubtful:
            # Withheld, as closing will say in the finding. Cues go on: they cost nobody more than a shallower rep, and
            # the machine's own light, which knows of no doubt, would say otherwise.
            return
        whose = {
            "gym": machine.gym, "user": session.member.user, "machine": machine.machine, "session": session.session,
        }  # fmt: skip
        first = machine.alert is None
        named = of_member(finding, session.member.name)
        if first:
            alert = life.raise_or_repeat(None, named, **whose, now=alerts.at(self._clock()))
            machine.alert = alert
            told = {name: getattr(alert, name) for name in Alert.__slots__}
            self._hub.publish("alert", told | {"user_name": session.member.name, "comments": []})
            self._publish(topic(machine.gym, None, TopicKind.ALERT), encode(pseudonymous(alert, finding)))
            self._metrics.said.labels("alert").inc()

        def write(connection: Connection) -> Callable[[], None] | None:
            alert_id = life.alert_id(finding.rule, whose["gym"], whose["user"], whose["machine"], whose["session"])
            stored = alerts.get_stored(connection, alert_id)
            if stored is not None and (not stored.provisional or stored.changed_by == CLOSING):
                # A closing has spoken meanwhile, and has seen more.
                return None
            known = None if stored is None else stored.alert
            alert = life.raise_or_repeat(known, named, **whose, now=alerts.at(self._clock()))
            alerts.save(connection, alert, provisional=True)
            return None if first else lambda: self._hub.publish("alert", alerts.as_told(self._engine, alert))

        self.writer.put(write)

    def _say_limit(self, machine: FloorMachine, session: LiveSession) -> None:
        cap = session.cap
        message = (
            Limit(session.session, None, None, None)
            if cap is None
            else Limit(session.session, cap.depth_mm, cap.caution_mm, None if cap.limit is None else cap.limit.tier)
        )
        self._say(machine, TopicKind.LIMIT, encode(message), retain=True)

    def _say(
        self,
        machine: FloorMachine,
        kind: TopicKind,
        payload: bytes,
        *,
        retain: bool = False,
        expires_s: int | None = None,
    ) -> None:
        where = topic(machine.gym, machine.machine, kind)
        if self._publish(where, payload, retain=retain, expires_s=expires_s):
            self._metrics.said.labels(kind.value).inc()

    def _show(self, machine: FloorMachine) -> None:
        """Tell the listeners how a machine looks now: at once, or when its next turn comes."""
        now_s = self._monotonic()
        if now_s - machine.told_s >= TILE_S:
            machine.told_s = now_s
            self._moved.pop((machine.gym, machine.machine), None)
            self._hub.publish("machine", machine.tile())
        else:
            self._moved[machine.gym, machine.machine] = machine
            self._news.set()

    def _show_moved(self) -> None:
        with self._lock:
            moved = list(self._moved.values())
            self._moved.clear()
            for machine in moved:
                machine.told_s = self._monotonic()
                self._hub.publish("machine", machine.tile())

    # What the state DB knows

    def _member(self, user: str, machine: FloorMachine, start_us: int) -> Member | None:
        """Who this is; None while the state DB is away: without their limits nobody is told that there are none."""
        try:
            with self._engine.connect() as connection:
                known = get_member(connection, user)
                protocol = get_protocol(connection, user)
                return Member(
                    user=user,
                    name=user if known is None or known.name is None else known.name,
                    sex=None if known is None else known.sex,
                    book=limit_book(connection, user),
                    protocol=None if protocol is None else protocol.rules,
                    reference=reference_load(
                        strength_at(connection, user, machine.gym, machine.machine, machine.kind_of_machine, start_us),
                        sessions.reference_load(connection, user, machine.gym, machine.machine, start_us),
                    ),
                )
        except StateUnavailable as error:
            log.warning("live.state_away", reason=str(error), user=user)
            return None

    def _is_doubtful(self, machine: FloorMachine) -> bool:
        """Whether depth alerts of a machine are withheld now; what is raised in error, its closing takes back."""
        try:
            return doubt_of(self._engine, machine.gym, machine.machine) is not None
        except StateUnavailable as error:
            log.warning("live.state_away", reason=str(error), machine=machine.machine)
            return False

    def _known_alert(self, machine: FloorMachine, session: LiveSession) -> Alert | None:
        """What was raised of this session before a restart: it is not told again."""
        if session.member is None:
            return None
        user = session.member.user
        try:
            return alerts.get(
                self._engine,
                life.alert_id("depth.excessive", machine.gym, user, machine.machine, session.session),
            )
        except StateUnavailable as error:
            log.warning("live.state_away", reason=str(error), user=user)
            return None

    def _write_start(self, machine: FloorMachine, session: LiveSession, user: str, setup: Setup) -> None:
        gym, name, start_us, now_us = machine.gym, machine.machine, session.start_us, self._clock()
        session_id = session.session

        def write(connection: Connection) -> Callable[[], None] | None:
            fresh = sessions.appear(
                connection,
                session=session_id,
                gym=gym,
                machine=name,
                user=user,
                start_us=start_us,
                setup=msgspec.to_builtins(setup),
                now_us=now_us,
            )
            return self._say_session(session_id) if fresh else None

        self.writer.put(write)

    def _say_session(self, session_id: str) -> Callable[[], None]:
        def say() -> None:
            stored = sessions.get_session(self._engine, session_id)
            if stored is not None:
                self._hub.publish("session", as_event(stored))

        return say

    def _take_up(self, machine: FloorMachine, logged: LoggedSession) -> None:
        """Go on with a session that was there before this process: its frames so far come from the series store."""
        if logged.start_us is None:
            return
        session = self._begin(machine, logged.session, logged.start_us)
        for start in _start_of(logged):
            self._introduce(machine, session, start)
        for time_us, setup in logged.setups[1:]:
            session.set_up(time_us, msgspec.convert(setup, Setup))
        if self._series is None:
            return
        try:
            stored = self._series.frames(
                logged.gym,
                logged.machine,
                logged.boot,
                logged.start_us - LIVE_WITHIN_US,
                self._clock() + LIVE_WITHIN_US,
            )
        except StoreUnavailable as error:
            log.warning("live.series_away", reason=str(error), session=logged.session)
            return
        for one in stored:
            if one.frame.session == logged.session and one.frame.seq > machine.last_seq:
                machine.last_seq = one.frame.seq
                machine.draw(one.frame)
                advance = session.push(samples_of(one.frame))
                if advance.finding is not None:
                    self._raise(machine, session, advance.finding)


def _start_of(logged: LoggedSession) -> Iterator[SessionStart]:
    """A session's start as the machine sent it, where all of it has arrived."""
    if logged.user is not None and logged.start_us is not None and logged.setups:
        yield SessionStart(
            boot=logged.boot,
            seq=logged.start_seq or 0,
            session=logged.session,
            user=logged.user,
            t_us=logged.start_us,
            setup=msgspec.convert(logged.setups[0][1], Setup),
        )


def _ended(session: LiveSession, member: Member, end_us: int) -> dict[str, Any]:
    """A session that is over and not closed yet, in the form of `as_event`."""
    return {
        "session": session.session,
        "user": member.user,
        "user_name": None if member.name == member.user else member.name,
        "gym": session.gym,
        "machine": session.machine,
        "state": "live",
        "start_at": alerts.at(session.start_us),
        "end_at": alerts.at(end_us),
        "reps": len(session.reps),
        "findings": 0,
    }
