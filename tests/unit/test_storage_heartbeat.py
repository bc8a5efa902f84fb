"""Signs of life."""

from sledwatch_storage.state.engine import migrate, open_state
from sledwatch_storage.state.heartbeat import Beat, beat, beats


def test_the_last_beat_of_each_part_is_kept(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    engine = open_state(url)
    assert beats(engine) == {}
    beat(engine, "ingest", 1, {"subscribed": False})
    beat(engine, "ingest", 2, {"subscribed": True, "queue": 3})
    beat(engine, "analytics", 3, {})
    assert {"ingest": Beat(2, {"subscribed": True, "queue": 3}), "analytics": Beat(3, {})} == beats(engine)
