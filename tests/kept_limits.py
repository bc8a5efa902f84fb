"""What the state DB keeps of limits, protocols and calibration visits, whatever it runs on."""

from importlib import resources

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from presses import T0_US
from sledwatch.protocol import Window
from sledwatch_storage.state import calibrations, limits, protocols
from sledwatch_storage.state.engine import begin, migrate

PLACE = ("m-1", "north", "press-1")
POINTED = {"session": "s-1", "set": 1, "rep": 2}


def put(engine: Engine, limit_mm: float, notch: int = -1, **changes: object) -> limits.StoredLimit:
    """Set a limit on press-1."""
    return limits.put_limit(
        engine, *PLACE, limit_mm=limit_mm, notch=notch, set_by="trainer", now_us=T0_US, **changes,  # type: ignore[arg-type]
    )  # fmt: skip


def history(engine: Engine) -> list[tuple[str, int, float, int]]:
    """What was done to the limits on press-1, newest first."""
    return [(one.change, one.notch, one.limit_mm, one.version) for one in limits.changes_of(engine, *PLACE)]


def limits_and_their_history_outlast_a_migration(engine: Engine) -> None:
    """Down to a version that knew no history, and up again: what is set is there, and the history begins with it."""
    put(engine, 400.0)
    put(engine, 410.0, from_rep=POINTED, how="rep")
    put(engine, 390.0, 4)
    url = engine.url.render_as_string(hide_password=False)
    with begin(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(resources.files("sledwatch_storage.state") / "migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    migrate(url)
    assert [("set", 4, 390.0, 1), ("set", -1, 410.0, 2)] == sorted(history(engine), key=lambda one: -one[1])
    assert [(410.0, "rep", POINTED), (390.0, "figure", None)] == [
        (one.limit_mm, one.how, one.from_rep) for one in limits.limits_of(engine, "m-1")
    ]
    put(engine, 405.0)
    assert ("set", -1, 405.0, 3) == history(engine)[0]


def versions_go_on_after_a_limit_was_taken_away(engine: Engine) -> None:
    """No two limits of one setting have the same version: closings name what they judged by."""
    put(engine, 400.0)
    put(engine, 300.0, 4)
    assert 1 == limits.delete_limits(engine, *PLACE, notch=-1, deleted_by="trainer", now_us=T0_US)
    assert 2 == put(engine, 410.0).version
    assert [("set", -1, 410.0, 2), ("deleted", -1, 400.0, 1), ("set", 4, 300.0, 1), ("set", -1, 400.0, 1)] == history(
        engine
    )


def a_protocol_stands_until_it_is_replaced_or_taken_away(engine: Engine) -> None:
    """All versions are kept, one at most stands."""
    window = Window("depth_mm", None, 300.0, "north", "press-1")
    for cap_kg in (90.0, 120.0):
        protocols.put_protocol(
            engine, "m-1", windows=[window], load_cap_kg=cap_kg, expires_us=T0_US, clinician=None, note=None,
            set_by="trainer", now_us=T0_US,
        )  # fmt: skip
    standing = protocols.get_protocol(engine, "m-1")
    assert standing is not None
    assert (2, 120.0, (window,)) == (standing.version, standing.load_cap_kg, standing.windows)
    taken = [protocols.delete_protocol(engine, "m-1", deleted_by="other", now_us=T0_US + 1) for _ in range(2)]
    assert [True, False] == taken
    assert protocols.get_protocol(engine, "m-1") is None
    assert [(2, "other"), (1, "trainer")] == [
        (one.version, one.ended_by) for one in protocols.protocols_of(engine, "m-1")
    ]


def a_visit_is_one_and_ends_once(engine: Engine) -> None:
    """Begun anew it forgets the earlier one; it is there after a restart, and gone when it has ended."""
    for reps_before in (0, 3):
        calibrations.begin_calibration(
            engine, *PLACE, session="s-1", reps_before=reps_before, begun_by="trainer", now_us=T0_US
        )
    found = calibrations.get_calibration(engine, *PLACE)
    assert found is not None
    assert ("s-1", 3, None) == (found.session, found.reps_before, found.empty_kg)
    with begin(engine) as connection:
        assert [True, False] == [calibrations.end_calibration(connection, *PLACE) for _ in range(2)]
    assert calibrations.get_calibration(engine, *PLACE) is None


PROMISES = (
    limits_and_their_history_outlast_a_migration,
    versions_go_on_after_a_limit_was_taken_away,
    a_protocol_stands_until_it_is_replaced_or_taken_away,
    a_visit_is_one_and_ends_once,
)
