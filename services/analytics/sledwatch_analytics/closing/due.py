"""When a session is ready to be closed, or to be closed again."""

from typing import Final

from sledwatch_storage.state.arrivals import LoggedSession

# How long the end of a session waits for messages that are still on their way …
AFTER_END_US: Final = 60 * 1_000_000
# … and how long a session without an end may be silent (wall clock, both).
AFTER_LAST_US: Final = 10 * 60 * 1_000_000


def is_due(logged: LoggedSession, *, complete: bool, now_us: int) -> bool:
    """Whether a closing would see something new that is worth seeing now.

    complete: every message from start to end is stored or settled. A session whose start has not arrived has no user
    and waits for it, however long.
    """
    if logged.user is None or logged.start_us is None:
        return False
    if not has_news(logged) and logged.wanted_us is None:
        return False
    if logged.ended_arrival_us is not None and (complete or now_us >= logged.ended_arrival_us + AFTER_END_US):
        return True
    return now_us >= logged.arrival_us + AFTER_LAST_US


def has_news(logged: LoggedSession) -> bool:
    """Whether anything of it has arrived since its last closing; else one may have been asked for."""
    return logged.closed_version is None or logged.version > logged.closed_version


def is_lost(logged: LoggedSession, now_us: int) -> bool:
    """Whether a session whose start never came has been silent for so long that it will hardly come."""
    return logged.user is None and now_us >= logged.arrival_us + AFTER_LAST_US
