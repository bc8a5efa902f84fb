"""A store that takes no writes is told of with its reason, also when no message is there to be written."""

from pathlib import Path

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from failing_series import Interrupted
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.pulse import EVERY_S, Pulse
from sledwatch_storage.series.memory import MemorySeries
from sledwatch_storage.state.engine import migrate, open_state


def test_a_store_that_is_away_while_nothing_arrives_is_logged_once_and_so_is_its_return(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    series = Interrupted(MemorySeries())
    now_s = [100.0]
    pulse = Pulse(
        "ingest",
        series,
        open_state(url),
        lambda: 0,
        lambda: now_s[0],
        lambda: {"connected": True, "subscribed": True},
        lambda: 0,
        Metrics(CollectorRegistry()),
    )
    with capture_logs() as told:
        for away in (True, True, True, False, False):
            series.away.set() if away else series.away.clear()
            now_s[0] += EVERY_S
            assert pulse.wonders
            pulse.probe()
    assert [("store.unavailable", "away, says the test"), ("store.available", None)] == [
        (entry["event"], entry.get("error")) for entry in told
    ]
