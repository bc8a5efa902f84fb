"""The samples of a session, as the series store has them."""

from typing import Final

from sledwatch_analytics.measured import Samples, ascending, joined, samples_of
from sledwatch_storage.series import SeriesStore
from sledwatch_storage.state.arrivals import LoggedSession

# A frame may begin a little before its session's start event, or end after its end event.
MARGIN_US: Final = 10 * 1_000_000


def stored_samples(series: SeriesStore, logged: LoggedSession) -> tuple[Samples, bool]:
    """All samples of a session, and whether there are any. Raises StoreUnavailable."""
    first_us = min(time_us for time_us in (logged.start_us, logged.first_us) if time_us is not None)
    last_us = max(time_us for time_us in (logged.end_us, logged.last_us, logged.start_us) if time_us is not None)
    stored = series.frames(logged.gym, logged.machine, logged.boot, first_us - MARGIN_US, last_us + MARGIN_US)
    # As they were taken: where the machine's clock was set back, times alone would mix two stretches of them.
    own = sorted((one.frame for one in stored if one.frame.session == logged.session), key=lambda frame: frame.seq)
    return ascending(joined(samples_of(frame) for frame in own)), bool(own)
