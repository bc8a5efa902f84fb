"""Trying refused messages again: after a fix, somebody asks for it, and ingest takes them up here."""

from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import Engine

from sledwatch.events import Event, Frame, Reason, Refusal, decode
from sledwatch_ingest.metrics import Metrics
from sledwatch_storage.series.port import SeriesStore, StoredFrame, StoreRefused, StoreUnavailable
from sledwatch_storage.state import ledger, machine_events, quarantine
from sledwatch_storage.state.engine import StateUnavailable
from sledwatch_storage.state.ledger import Arrived, Refused, Trial
from sledwatch_storage.state.quarantine import QuarantinedMessage

log = structlog.get_logger(__name__)

EVERY_S: Final = 1.0
# While a store is away: what waits here has waited for a person already.
AFTER_FAILURE_S: Final = 5.0
# So many at a time: live frames are waiting behind them.
_AT_ONCE: Final = 64
# How often what is too old is swept out. It is kept for months: a quarter of an hour more is nothing.
_SWEEP_S: Final = 15 * 60.0

MachineKey = tuple[str, str]


class Replays:
    """Takes up what was asked for, and keeps quarantine and the machines' events within their age.

    A message is decoded against the time at which it came, so that none is too old for having lain here. Its frame goes
    to the series store, which keeps no frame twice, and then it is entered in the ledger in the transaction that marks
    it as replayed: killed between the two, ingest does both again and nothing counts twice.

    clock: microseconds since the epoch. pace: a monotonic clock in seconds. time_zone: of gyms seen for the first time.
    """

    def __init__(
        self,
        series: SeriesStore,
        state: Engine,
        clock: Callable[[], int],
        pace: Callable[[], float],
        metrics: Metrics,
        *,
        time_zone: str,
    ) -> None:
        self._series = series
        self._state = state
        self._clock = clock
        self._pace = pace
        self._metrics = metrics
        self._time_zone = time_zone
        self._next_s = pace()
        self._sweep_s = pace()

    def tend(self) -> frozenset[MachineKey]:
        """Try some of what waits, at most once a second unless more waits; the machines whose watermark has moved.

        A store that is away leaves everything as it is, for later.
        """
        if self._pace() < self._next_s:
            return frozenset()
        try:
            self._sweep()
            waiting = quarantine.asked(self._state, _AT_ONCE)
            moved = self._try(waiting) if waiting else frozenset()
        except (StoreUnavailable, StateUnavailable) as error:
            log.warning("replays.store_away", error=str(error), again_in_s=AFTER_FAILURE_S)
            self._next_s = self._pace() + AFTER_FAILURE_S
            return frozenset()
        self._next_s = self._pace() + (0.0 if len(waiting) == _AT_ONCE else EVERY_S)
        return moved

    def _try(self, waiting: list[QuarantinedMessage]) -> frozenset[MachineKey]:
        trials = self._store([Trial(message.id, _decoded(message)) for message in waiting])
        recorded = ledger.record_replay(self._state, trials, self._clock(), time_zone=self._time_zone)
        taken = sum(isinstance(trial.outcome, Arrived) for trial in trials)
        self._metrics.replayed.labels("taken").inc(taken)
        self._metrics.replayed.labels("refused").inc(len(trials) - taken)
        log.info("quarantine.replayed", taken=taken, refused=len(trials) - taken)
        return recorded.moved

    def _store(self, trials: list[Trial]) -> list[Trial]:
        """Make the frames among them durable; what the store will never take is refused for that reason."""
        frames = {
            position: StoredFrame(one.event.gym, one.event.machine, one.event.payload, one.received_us)
            for position, trial in enumerate(trials)
            if isinstance(one := trial.outcome, Arrived) and isinstance(one.event.payload, Frame)
        }
        if not frames:
            return trials
        try:
            self._series.append(list(frames.values()))
        except StoreRefused as refusal:
            positions = list(frames)
            refused = {positions[at] for at in refusal.positions}
            return [
                _refused_by_store(trial, frames[position], str(refusal)) if position in refused else trial
                for position, trial in enumerate(trials)
            ]
        return trials

    def _sweep(self) -> None:
        if self._pace() < self._sweep_s:
            return
        now_us = self._clock()
        expired = quarantine.expire(self._state, now_us)
        purged = machine_events.purge(self._state, now_us)
        if expired or purged:
            log.info("quarantine.expired", messages=expired, machine_events=purged)
        self._sweep_s = self._pace() + _SWEEP_S


def _decoded(message: QuarantinedMessage) -> Arrived | Refused:
    kept = message.refused
    if message.is_cut:
        # Nobody can ask for this; a row that says so all the same keeps its reason.
        return kept
    outcome = decode(kept.topic, kept.payload, kept.received_us)
    if isinstance(outcome, Event):
        return Arrived(outcome, kept.received_us)
    return Refused(kept.received_us, kept.topic, kept.payload, outcome)


def _refused_by_store(trial: Trial, stored: StoredFrame, detail: str) -> Trial:
    frame = stored.frame
    refusal = Refusal(Reason.STORE_REFUSED, detail, stored.gym, stored.machine, frame.boot, frame.seq)
    # Only the refusal is looked at: topic and payload are in quarantine already.
    return Trial(trial.id, Refused(stored.received_us, "", b"", refusal))
