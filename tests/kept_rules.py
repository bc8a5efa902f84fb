"""What the settings of the rules promise, whatever database keeps them."""

from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import Engine

from sledwatch.rules import DEFAULT_RULES, RulesInForce
from sledwatch_storage.state.rules import (
    ORGANISATION,
    Scope,
    SettingsConflict,
    SettingsOutdated,
    StoredSettings,
    Values,
    list_settings,
    put_settings,
    rules_in_force,
    rules_of_all,
)

NORTH: Final = Scope(gym="north")
ADA: Final = Scope(user="m-1")


def put(engine: Engine, scope: Scope, seen_version: int | None = None, **changed: float | bool) -> StoredSettings:
    return put_settings(engine, scope, changed, note="why", set_by="coach", now_us=7, seen_version=seen_version)


def a_members_values_go_before_the_gyms_and_these_before_the_organisations(engine: Engine) -> None:
    assert RulesInForce(DEFAULT_RULES, 0) == rules_in_force(engine, "north", "m-1")
    put(engine, ORGANISATION, spike_note=1.2, volume_hard_sets=30)
    put(engine, NORTH, spike_note=1.25, join_spacing=False)
    put(engine, ADA, volume_hard_sets=10)
    changed: dict[tuple[str | None, str | None], tuple[int, Values]] = {
        (None, None): (1, {"spike_note": 1.2, "volume_hard_sets": 30}),
        ("south", "m-2"): (1, {"spike_note": 1.2, "volume_hard_sets": 30}),
        ("north", "m-2"): (2, {"spike_note": 1.25, "join_spacing": False, "volume_hard_sets": 30}),
        ("north", "m-1"): (3, {"spike_note": 1.25, "join_spacing": False, "volume_hard_sets": 10}),
        ("south", "m-1"): (3, {"spike_note": 1.2, "volume_hard_sets": 10}),
    }
    book = rules_of_all(engine)
    for (gym, user), (version, values) in changed.items():
        expected = RulesInForce(DEFAULT_RULES.changed(values), version)
        assert expected == rules_in_force(engine, gym, user) == book.of(gym, user)
        assert values == expected.rules.differing()


def what_is_taken_back_is_a_version_too(engine: Engine) -> None:
    put(engine, ORGANISATION, spike_note=1.2)
    put(engine, NORTH, spike_note=1.25)
    put(engine, NORTH)
    assert RulesInForce(DEFAULT_RULES.changed({"spike_note": 1.2}), 3) == rules_in_force(engine, "north", "m-1")
    assert [(3, {}), (2, {"spike_note": 1.25})] == [(one.version, one.changed) for one in list_settings(engine, NORTH)]
    assert [3, 2, 1] == [one.version for one in list_settings(engine)]
    assert [2] == [one.version for one in list_settings(engine, before=3, limit=1)]


def what_does_not_go_together_with_another_scope_is_refused(engine: Engine) -> None:
    put(engine, ORGANISATION, spike_warn=1.6, spike_alert_joined=1.6)
    put(engine, NORTH, spike_note=1.5)
    with pytest.raises(SettingsConflict, match=r"^spike_note: expected no more than spike_warn .* gym north has set"):
        put(engine, ORGANISATION, spike_warn=1.4, spike_alert_joined=1.6)
    with pytest.raises(SettingsConflict, match="together with what the organisation has set"):
        put(engine, ADA, spike_note=1.7)
    with pytest.raises(ValueError, match=r"^spike_note: expected 1 to 10 ratio, got 0$"):
        put(engine, ADA, spike_note=0.0)
    assert [2, 1] == [one.version for one in list_settings(engine)]


def who_has_not_seen_the_newest_version_changes_nothing(engine: Engine) -> None:
    put(engine, NORTH, seen_version=0, spike_note=1.2)
    with pytest.raises(SettingsOutdated, match="gym north are at version 1 now, not 0"):
        put(engine, NORTH, seen_version=0, spike_note=1.25)
    assert 2 == put(engine, NORTH, seen_version=1, spike_note=1.25).version


PROMISES: Final[tuple[Callable[[Engine], None], ...]] = (
    a_members_values_go_before_the_gyms_and_these_before_the_organisations,
    what_is_taken_back_is_a_version_too,
    what_does_not_go_together_with_another_scope_is_refused,
    who_has_not_seen_the_newest_version_changes_nothing,
)
