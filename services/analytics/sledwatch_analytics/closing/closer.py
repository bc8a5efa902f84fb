"""Closing: what a session was, once its samples are stored. Final, and the same however often it is done."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any, Final

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine

from sledwatch.events import Alert, Rep, Setup
from sledwatch.findings import Finding, technique_findings
from sledwatch.limits import DepthLimit, own_history
from sledwatch.protocol import Protocol
from sledwatch.reps import find_reps
from sledwatch.rules import RulesInForce
from sledwatch.strength import Strength, kg_of, reference_load
from sledwatch_analytics.closing.due import has_news, is_due, is_lost
from sledwatch_analytics.closing.freezing import freeze, frozen_of
from sledwatch_analytics.closing.judging import as_stored, judge_depth, judge_protocol, of_member
from sledwatch_analytics.closing.metrics import ClosingMetrics
from sledwatch_analytics.closing.pain import judge_pain_again
from sledwatch_analytics.closing.raising import NEWS_US, settle_alerts
from sledwatch_analytics.closing.sensors import SensorsOfSession, sensors_at
from sledwatch_analytics.closing.shares import question, shared_out
from sledwatch_analytics.closing.workload import HISTORY_US, judge_workload, missing_before
from sledwatch_analytics.lifting import strength_at
from sledwatch_analytics.measured import Pressing, friction_of
from sledwatch_analytics.nameless import NAMELESS
from sledwatch_analytics.stored import stored_samples
from sledwatch_analytics.stream import Hub
from sledwatch_storage.series import SeriesStore, StoreUnavailable
from sledwatch_storage.state import alerts as kept_alerts
from sledwatch_storage.state import arrivals, corrections, notes, sessions
from sledwatch_storage.state.arrivals import LoggedSession
from sledwatch_storage.state.corrections import NOBODY, Split, split_id
from sledwatch_storage.state.days import mark_missing, refresh_days
from sledwatch_storage.state.engine import StateUnavailable, begin
from sledwatch_storage.state.findings import replace_findings
from sledwatch_storage.state.limits import limit_book
from sledwatch_storage.state.machines import ASSUMED_MACHINE, as_said, online_of
from sledwatch_storage.state.members import get_member
from sledwatch_storage.state.missing import GapBook
from sledwatch_storage.state.protocols import get_protocol
from sledwatch_storage.state.rules import rules_in_force
from sledwatch_storage.state.sessions import Closed, StoredSession

POLL_S: Final = 0.25
# What one look closes at most, so that sessions that start meanwhile are not kept waiting behind a backlog.
SESSIONS_A_LOOK: Final = 20
# Ingest writes an arrival's time before it commits: what was committed late must not be overlooked …
LATE_COMMIT_US: Final = 60 * 1_000_000
# … and what was overlooked for any other reason comes up again.
LOOK_AT_ALL_US: Final = 10 * 60 * 1_000_000
# Judgement: what "usual" looks back on, at most; the rule itself asks for 20.
OWN_HISTORY_REPS: Final = 200
FIRST_RETRY_US: Final = 1_000_000
LAST_RETRY_US: Final = 5 * 60 * 1_000_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Retry:
    failures: int
    not_before_us: int


@dataclass(frozen=True, slots=True)
class _Context:
    """What a closing knows of somebody in a session before it looks at the samples.

    session: of the badge, or split off it. stored: its row, None before its first closing. limits: by setup, those that
    were asked for so far.
    """

    session: str
    user: str
    stored: StoredSession | None
    pressing: Pressing
    limits: dict[Setup | None, DepthLimit | None]
    protocol: Protocol | None
    rules: RulesInForce
    member_name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class _Part:
    """What one person did in a session, and what is said of it. Findings are of a nameless member.

    missing: the days that were missing of what the workload rules look at.
    """

    context: _Context
    start_us: int
    end_us: int
    reps: list[Rep]
    strength: Strength | None
    findings: list[Finding]
    missing: frozenset[date]


@dataclass(frozen=True, slots=True)
class _Whole:
    """A session as it is to be written. parts: of the badge's member first. discarded: what counts for nobody.

    friction_n: of the machine, None where it measures no forces. wanted_us: when this closing was asked for, as it
    stood before anything was read; what is asked for later knows more.
    """

    logged: LoggedSession
    wanted_us: int | None
    parts: list[_Part]
    discarded: list[Rep]
    sensors: SensorsOfSession
    friction_n: float | None


class Closer:
    """Closes sessions as they fall due: those with news first, and of these the oldest first.

    `run_once` is not to be called from several threads.
    """

    def __init__(
        self,
        engine: Engine,
        series: SeriesStore,
        clock: Callable[[], int],
        hub: Hub,
        *,
        told: Callable[[], None] = lambda: None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        """told: called after letters were written, so that their sender need not look for them.

        registry: where figures for Prometheus go.
        """
        self._metrics = ClosingMetrics(registry or CollectorRegistry())
        self._engine = engine
        self._series = series
        self._clock = clock
        self._hub = hub
        self._told = told
        self._gaps = GapBook()
        self._pending: dict[str, LoggedSession] = {}
        self._retries: dict[str, _Retry] = {}
        self._lost: set[str] = set()
        self._seen_us: int | None = None
        self._look_at_all_us = 0

    def run(self, stop: threading.Event) -> None:
        """Close what falls due until `stop` is set; waits and goes on where a store is away."""
        wait_s = POLL_S
        while not stop.wait(wait_s):
            try:
                closed = self.run_once()
            except (StoreUnavailable, StateUnavailable) as error:
                wait_s = min(5.0, wait_s * 2)
                log.warning("closing.store_away", reason=str(error), again_in_s=wait_s)
            else:
                wait_s = 0.0 if closed else POLL_S

    def run_once(self) -> list[str]:
        """Look what has arrived and close what is due; returns the sessions closed, in order.

        Raises StoreUnavailable or StateUnavailable; nothing is half done then.
        """
        now_us = self._clock()
        self._look(now_us)
        due = list(islice(self._due(now_us), SESSIONS_A_LOOK))
        closed = [logged.session for logged in due if self._try(logged)]
        self._metrics.waiting.set(len(self._pending))
        self._metrics.failing.set(len(self._retries))
        return closed

    def _look(self, now_us: int) -> None:
        """Find sessions with news, and list those that are new."""
        if self._seen_us is None or now_us >= self._look_at_all_us:
            since_us = 0
        else:
            # A clock that was set back gives what arrives now earlier times than what was seen.
            since_us = min(self._seen_us, now_us) - LATE_COMMIT_US
        if since_us == 0:
            self._pending.clear()
            self._look_at_all_us = now_us + LOOK_AT_ALL_US
        found = arrivals.unclosed(self._engine, since_us)
        for logged in found:
            self._seen_us = max(self._seen_us or 0, logged.arrival_us)
            self._pending[logged.session] = logged
        if self._seen_us is None:
            self._seen_us = now_us
        self._list([logged for logged in found if not logged.listed and logged.start_us is not None])
        lost = {logged.session for logged in self._pending.values() if is_lost(logged, now_us)}
        for session in sorted(lost - self._lost):
            of = self._pending[session]
            log.warning("closing.no_start", session=session, gym=of.gym, machine=of.machine, boot=of.boot)
        self._lost = lost
        self._metrics.without_start.set(len(lost))

    def _list(self, started: Sequence[LoggedSession]) -> None:
        if not started:
            return
        now_us = self._clock()
        with begin(self._engine) as connection:
            fresh = [logged for logged in started if _appear(connection, logged, now_us)]
        for logged in fresh:
            self._say_session(logged.session)

    def _due(self, now_us: int) -> Iterator[LoggedSession]:
        """What may be closed now, in order. Looked up as it is taken: of a backlog a few are, at each look."""

        def order(logged: LoggedSession) -> tuple[bool, int, str]:
            # Whoever has just trained is not kept waiting behind years that are judged anew.
            return not has_news(logged), logged.start_us or 0, logged.session

        for logged in sorted(self._pending.values(), key=order):
            retry = self._retries.get(logged.session)
            if retry is not None and now_us < retry.not_before_us:
                continue
            complete = logged.end_seq is not None and arrivals.is_complete(self._engine, logged)
            if is_due(logged, complete=complete, now_us=now_us):
                yield logged

    def _try(self, logged: LoggedSession) -> bool:
        began = time.perf_counter()
        try:
            self._close(logged)
        except (StoreUnavailable, StateUnavailable):
            raise
        except Exception:
            # One session that cannot be closed must not keep all others from it.
            failures = self._retries.get(logged.session, _Retry(0, 0)).failures + 1
            wait_us = min(LAST_RETRY_US, FIRST_RETRY_US * 2 ** min(failures - 1, 20))
            self._retries[logged.session] = _Retry(failures, self._clock() + wait_us)
            self._metrics.closings.labels("failed").inc()
            log.exception("closing.failed", session=logged.session, failures=failures, again_in_s=wait_us / 1e6)
            return False
        self._retries.pop(logged.session, None)
        self._pending.pop(logged.session, None)
        self._metrics.closings.labels("closed").inc()
        self._metrics.seconds.observe(time.perf_counter() - began)
        return True

    def _close(self, logged: LoggedSession) -> None:
        if logged.user is None or logged.start_us is None:
            raise ValueError(f"session {logged.session} has no start yet and cannot be closed")
        with self._engine.connect() as connection:
            former = corrections.all_reps_of(connection, logged.session)
            said = corrections.corrections_of(connection, logged.session)
            own = self._context(connection, logged, logged.session, logged.user, former)
            wanted_us = None if own.stored is None else own.stored["wanted_us"]
        samples, found_any = stored_samples(self._series, logged)
        spans = find_reps(samples.t_us, samples.depth_mm, samples.load_kg)
        # Where samples are gone, past retention, what was found in them when they were there stays.
        reps = own.pressing.reps(samples, spans) if found_any or not former else former
        # An end whose clock was set back ends nothing before its samples do.
        end_us = max(logged.end_us or 0, logged.last_us or 0, logged.start_us)
        shares = shared_out(reps, said, logged.user)
        mine, discarded = shares.pop(logged.user), shares.pop(NOBODY, [])
        doubt = question(reps, said, end_us)
        with self._engine.connect() as connection:
            sensors = sensors_at(
                connection,
                gym=logged.gym,
                machine=logged.machine,
                session=logged.session,
                start_us=logged.start_us,
                end_us=end_us,
                time_zone=own.time_zone,
                samples=samples if found_any else None,
                spans=spans,
            )
            parts = [self._part(connection, own, mine, (logged.start_us, end_us), doubt, sensors)]
            for user, theirs in sorted(shares.items()):
                context = self._context(connection, logged, split_id(logged.session, user), user, theirs)
                span = (min(rep.t_start_us for rep in theirs), max(rep.t_end_us for rep in theirs))
                parts.append(self._part(connection, context, theirs, span, None, sensors))
        friction_n = friction_of(samples, reps) if found_any or own.stored is None else own.stored["friction_n"]
        with begin(self._engine) as connection:
            changed = self._write(connection, _Whole(logged, wanted_us, parts, discarded, sensors, friction_n))
        for part in parts:
            self._say_session(part.context.session)
        for alert in changed:
            self._hub.publish("alert", kept_alerts.as_told(self._engine, alert))
        if changed:
            self._told()
        findings = sum(len(part.findings) for part in parts)
        log.info("closing.closed", session=logged.session, reps=len(reps), findings=findings, alerts=len(changed))

    def _context(
        self, connection: Connection, logged: LoggedSession, session: str, user: str, former: Sequence[Rep]
    ) -> _Context:
        """former: the reps that an earlier closing found, or those that have become this member's."""
        stored = sessions.get_session(connection, session)
        online = online_of(connection, logged.gym, logged.machine) or ASSUMED_MACHINE
        member = get_member(connection, user)
        book = limit_book(connection, user)
        protocol = get_protocol(connection, user)
        setups = [(time_us, msgspec.convert(setup, Setup)) for time_us, setup in logged.setups]
        limits: dict[Setup | None, DepthLimit | None] = {}

        def limit_of(setup: Setup | None) -> DepthLimit | None:
            if setup not in limits:
                limits[setup] = book.on(logged.gym, logged.machine, as_said(online), setup).limit
            return limits[setup]

        pressing = Pressing(
            session=session,
            user=user,
            gym=logged.gym,
            machine=logged.machine,
            online=online,
            height_mm=None if member is None else member.height_mm,
            setups=setups,
            limit_of=limit_of,
            sex=None if member is None else member.sex,
        )
        frozen = frozen_of(stored, pressing.first_setup, former, pressing.setup_at)
        if frozen is not None:
            limits |= frozen.by_setup()
        limit_of(pressing.first_setup)
        allowed = None if protocol is None else protocol.rules
        return _Context(
            session=session,
            user=user,
            stored=stored,
            pressing=pressing,
            limits=limits,
            protocol=allowed if frozen is None else frozen.protocol,
            rules=rules_in_force(connection, logged.gym, user) if frozen is None else frozen.in_force(),
            member_name=user if member is None or member.name is None else member.name,
            time_zone=sessions.time_zone_of(connection, logged.gym),
        )

    def _part(
        self,
        connection: Connection,
        context: _Context,
        reps: Sequence[Rep],
        span_us: tuple[int, int],
        doubt: Finding | None,
        sensors: SensorsOfSession,
    ) -> _Part:
        """doubt: whether all of it was done by this member, which holds back what it does to their workload."""
        theirs = [context.pressing.of_member(rep) for rep in reps]
        strength = self._strength(connection, context, theirs, span_us[0])
        findings = self._judge_reps(connection, context, theirs, span_us[0], strength)
        missing = missing_before(connection, context.user, span_us[0], context.time_zone, self._gaps)
        if doubt is not None:
            findings.append(doubt)
        else:
            own = {"session": context.session, "start_us": span_us[0], "end_us": span_us[1]}
            own |= sessions.figures(theirs, kg_of(strength), context.rules.rules)
            findings += judge_workload(connection, context.user, own, context.time_zone, missing, context.rules)
        return _Part(context, *span_us, theirs, strength, sensors.withheld(findings), missing)

    def _strength(self, connection: Connection, context: _Context, reps: list[Rep], start_us: int) -> Strength | None:
        pressing = context.pressing
        whose = (connection, context.user, pressing.gym, pressing.machine)
        return strength_at(*whose, pressing.online, start_us, reps)

    def _judge_reps(
        self, connection: Connection, context: _Context, reps: list[Rep], start_us: int, strength: Strength | None
    ) -> list[Finding]:
        pressing = context.pressing
        whose = (connection, context.user, pressing.gym, pressing.machine, start_us)
        earlier = sessions.depths_before(*whose, OWN_HISTORY_REPS)
        reference = reference_load(strength, sessions.reference_load(*whose))
        depth = judge_depth(reps, pressing, own_history(earlier), reference)
        technique = technique_findings(reps, reference, NAMELESS)
        return depth + judge_protocol(reps, pressing, context.protocol) + technique

    def _write(self, connection: Connection, whole: _Whole) -> list[Alert]:
        """Everything of a closing, within one transaction; returns the alerts that are new or have changed."""
        logged, now_us = whole.logged, self._clock()
        may_withdraw = arrivals.is_whole(connection, logged)
        _appear(connection, logged, now_us)
        before = corrections.figures_by_user(connection, logged.session)
        everybody = {*before, *(part.context.user for part in whole.parts)}
        notes.hold(connection, everybody)
        changed = self._let_go(connection, whole, may_withdraw, now_us)
        own = whole.parts[0].context.pressing
        of = {"session": logged.session, "gym": logged.gym, "machine": logged.machine, "setup": _built(own.first_setup)}
        for part in whole.parts[1:]:
            split = Split(part.context.session, part.context.user)
            corrections.split_off(connection, split, of | {"start_us": part.start_us}, now_us)
        if whole.discarded:
            nobodys = Split(split_id(logged.session, NOBODY), NOBODY)
            corrections.split_off(connection, nobodys, of | {"start_us": whole.discarded[0].t_start_us}, now_us)
            as_nobodys = [replace(rep, session=nobodys.session, user=NOBODY) for rep in whole.discarded]
            corrections.discard(connection, nobodys, as_nobodys)
        for part in whole.parts:
            changed += self._write_part(connection, whole, part, may_withdraw, now_us)
        changed += whole.sensors.settle(connection, now_us)
        changed += judge_pain_again(connection, everybody, (whole.parts[0].start_us, whole.parts[0].end_us), now_us)
        after = corrections.figures_by_user(connection, logged.session)
        users = {user for user in before | after if before.get(user) != after.get(user)}
        # What these members did later was judged by what was known of this session then.
        start_us = whole.parts[0].start_us
        corrections.want_later(connection, users, start_us, start_us + HISTORY_US, now_us, but=logged.session)
        corrections.granted(connection, logged.session, whole.wanted_us)
        return changed

    def _write_part(
        self, connection: Connection, whole: _Whole, part: _Part, may_withdraw: bool, now_us: int
    ) -> list[Alert]:
        logged, context = whole.logged, part.context
        first_setup = context.pressing.first_setup
        limit = context.limits[first_setup]
        closed = Closed(
            session=context.session,
            start_us=part.start_us,
            end_us=part.end_us,
            setup=_built(first_setup),
            closed_version=logged.version,
            limit_mm=None if limit is None else limit.limit_mm,
            limit_tier=None if limit is None else limit.tier,
            limit_version=None if limit is None else limit.version,
            frozen=freeze(context.limits, context.protocol, context.rules),
            strength=part.strength,
            friction_n=whole.friction_n,
            judged_missing=sorted(day.isoformat() for day in part.missing) or None,
        )
        sessions.close(connection, closed, part.reps, context.rules.rules)
        whose = {"session": context.session, "gym": logged.gym, "machine": logged.machine, "user": context.user}
        told = [as_stored(of_member(finding, context.member_name), **whose) for finding in part.findings]
        if context.session == logged.session:
            of_machine = {"session": logged.session, "gym": logged.gym, "machine": logged.machine}
            told += [as_stored(finding, user=None, **of_machine) for finding in whole.sensors.findings]
        replace_findings(connection, context.session, told)
        mark_missing(
            connection, context.user, part.start_us - HISTORY_US, part.start_us, context.time_zone, part.missing
        )
        badge = whole.parts[0]
        refresh_days(connection, context.user, badge.start_us, badge.end_us, context.time_zone)
        return settle_alerts(
            connection,
            part.findings,
            context.member_name,
            whose,
            now_us,
            may_withdraw=may_withdraw,
            is_news=has_news(logged) or now_us <= part.end_us + NEWS_US,
        )

    def _let_go(self, connection: Connection, whole: _Whole, may_withdraw: bool, now_us: int) -> list[Alert]:
        """Take away what earlier closings split off, where nothing of it is left."""
        logged, changed = whole.logged, []
        left = {part.context.session for part in whole.parts}
        left |= {split_id(logged.session, NOBODY)} if whole.discarded else set()
        for split in corrections.splits_of(connection, logged.session):
            if split.session not in left:
                whose = {"session": split.session, "gym": logged.gym, "machine": logged.machine, "user": split.user}
                changed += settle_alerts(connection, [], split.user, whose, now_us, may_withdraw=may_withdraw)
                corrections.join_again(connection, split)
                badge = whole.parts[0]
                if split.user != NOBODY:
                    refresh_days(connection, split.user, badge.start_us, badge.end_us, badge.context.time_zone)
        return changed

    def _say_session(self, session: str) -> None:
        known = sessions.get_session(self._engine, session)
        if known is not None:
            self._hub.publish("session", as_event(known))


def as_event(session: StoredSession) -> dict[str, Any]:
    """A session as the stream tells it: that it began, or what a closing made of it."""
    end_us = session["end_us"]
    return {
        "session": session["session"],
        "user": session["user"],
        "user_name": session["user_name"],
        "gym": session["gym"],
        "machine": session["machine"],
        "state": session["state"],
        "start_at": kept_alerts.at(session["start_us"]),
        "end_at": None if end_us is None else kept_alerts.at(end_us),
        "reps": session["reps"] or 0,
        "findings": len(session["findings"]),
    }


def _appear(connection: Connection, logged: LoggedSession, now_us: int) -> bool:
    if logged.user is None or logged.start_us is None:
        return False
    return sessions.appear(
        connection,
        session=logged.session,
        gym=logged.gym,
        machine=logged.machine,
        user=logged.user,
        start_us=logged.start_us,
        setup=logged.setups[0][1] if logged.setups else None,
        now_us=now_us,
    )


def _built(setup: Setup | None) -> dict[str, Any] | None:
    return None if setup is None else msgspec.to_builtins(setup)
