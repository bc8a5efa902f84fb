"""Once a day and gym: what time alone has changed since sessions were judged.

That is what is missing of a day. A gap becomes final, is filled by messages of another session, or shows only when the
next number arrives; sessions judged before are closed anew, and find by themselves what follows. Standing and today's
context rest on nothing stored: they are worked out whenever somebody looks.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Engine

from sledwatch_analytics.closing.workload import HISTORY_US
from sledwatch_storage.state import daily
from sledwatch_storage.state.corrections import want
from sledwatch_storage.state.days import DAY_US, local_day
from sledwatch_storage.state.engine import StateUnavailable, begin
from sledwatch_storage.state.missing import GapBook, missing_days_of_all

LOOK_S: Final = 60.0
# What was sent shortly before midnight and got lost has been sent again by then.
AFTER_MIDNIGHT_US: Final = 15 * 60 * 1_000_000
# Judgement: what was found of older sessions stays as it was.
LOOKED_AT_DAYS: Final = 90

log = structlog.get_logger()


class DailyLook:
    """Asks for closings where missing days have changed; each gym's day is done once, however many processes look.

    A day that was slept through needs no look of its own: each compares with what is known now.
    """

    def __init__(self, engine: Engine, clock: Callable[[], int], registry: CollectorRegistry | None = None) -> None:
        """registry: where figures for Prometheus go."""
        registry = registry or CollectorRegistry()
        self._days = Counter(
            "sledwatch_daily_looks", "Days of gyms that the daily look was done for", registry=registry
        )
        self._asked = Counter(
            "sledwatch_daily_closings_asked", "Closings asked for since missing days had changed", registry=registry
        )
        self._engine = engine
        self._clock = clock
        self._gaps = GapBook()

    def run(self, stop: threading.Event) -> None:
        """Look once a minute whether a gym has a new day, until `stop` is set."""
        wait_s = 0.0
        while not stop.wait(wait_s):
            wait_s = LOOK_S
            try:
                self.run_once()
            except StateUnavailable as error:
                log.warning("daily.store_away", reason=str(error), again_in_s=wait_s)

    def run_once(self) -> dict[str, int]:
        """Do what is due; returns the gyms that were done, each with how many closings were asked for.

        Raises StateUnavailable; what was not done then is done at the next call.
        """
        now_us = self._clock()
        due: dict[tuple[str, date], list[daily.Day]] = defaultdict(list)
        for gym in daily.days_done(self._engine):
            today = local_day(now_us - AFTER_MIDNIGHT_US, ZoneInfo(gym.time_zone))
            if gym.done is None or gym.done < today:
                due[gym.time_zone, today].append(gym)
        asked: dict[str, int] = {}
        for (time_zone, today), gyms in due.items():
            asked |= self._look(time_zone, today, gyms, now_us)
        return asked

    def _look(self, time_zone: str, today: date, gyms: list[daily.Day], now_us: int) -> dict[str, int]:
        stale = self._stale(time_zone, [gym.gym for gym in gyms], now_us)
        asked: dict[str, int] = {}
        with begin(self._engine) as connection:
            for gym in gyms:
                if daily.take_day(connection, gym.gym, today, now_us):
                    want(connection, stale[gym.gym], now_us)
                    asked[gym.gym] = len(stale[gym.gym])
        for gym in gyms:
            if gym.gym in asked:
                self._days.inc()
                self._asked.inc(asked[gym.gym])
                log.info(
                    "daily.done",
                    gym=gym.gym,
                    day=today.isoformat(),
                    before=None if gym.done is None else gym.done.isoformat(),
                    closings=asked[gym.gym],
                )
        return asked

    def _stale(self, time_zone: str, gyms: list[str], now_us: int) -> dict[str, set[str]]:
        """The sessions that would be judged by other missing days now, by gym."""
        zone = ZoneInfo(time_zone)
        since_us = now_us - LOOKED_AT_DAYS * DAY_US
        missing = missing_days_of_all(self._engine, since_us - HISTORY_US, now_us, lambda _user: time_zone, self._gaps)
        stale: dict[str, set[str]] = {gym: set() for gym in gyms}
        for gym, judged in daily.judged_since(self._engine, missing, gyms, since_us).items():
            for one in judged:
                first, last = local_day(one.start_us - HISTORY_US, zone), local_day(one.start_us, zone)
                now_missing = {day for day in missing.get(one.user, ()) if first <= day <= last}
                if now_missing != one.missing:
                    stale[gym].add(one.session)
        return stale
