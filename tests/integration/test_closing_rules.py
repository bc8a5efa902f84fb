"""The settings of the rules at a closing: those in force at the first one, and at later ones too."""

from typing import Any

from closing_house import House, empty_state, house
from presses import DAY_US, T0_US, Session
from sledwatch.limits import DepthLimit
from sledwatch_analytics.closing.freezing import frozen_of
from sledwatch_analytics.preview import foresee
from sledwatch_storage.state.corrections import want
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.findings import list_findings
from sledwatch_storage.state.rules import ORGANISATION, Scope, put_settings, rules_of_all
from sledwatch_storage.state.sessions import get_session

__all__ = ["empty_state", "house"]


def spikes(house: House) -> list[tuple[str, int, Any]]:
    found = list_findings(house.engine, rule="workload.spike")
    return [(one["severity"], one["evidence"]["rules_version"], one["evidence"]["threshold"]) for one in found]


def set_rules(house: House, scope: Scope, **changed: float) -> None:
    put_settings(house.engine, scope, changed, note=None, set_by="coach", now_us=house.now_us)


def test_the_rules_of_the_first_closing_hold_for_later_ones(house: House) -> None:
    house.has_trained("m-1", [35, 30, 25, 20, 15, 10, 5], work_j=800.0)
    set_rules(house, ORGANISATION, spike_alert=9.0, spike_warn=1.5)
    set_rules(house, Scope(user="m-1"), spike_warn=1.6)
    session = Session().set_of([380.0] * 8)
    house.arrive(session.events(), session.now_us)
    assert ["s-1"] == house.closer.run_once()
    before = spikes(house)
    assert [("warn", 2, 1.6)] == before
    stored = get_session(house.engine, "s-1")
    assert stored is not None
    assert stored["frozen"] is not None
    assert ({"spike_warn": 1.6, "spike_alert": 9.0}, 2) == (
        stored["frozen"]["rules"],
        stored["frozen"]["rules_version"],
    )

    set_rules(house, Scope(gym="north"), spike_note=1.0)
    with begin(house.engine) as connection:
        want(connection, ["s-1"], house.now_us)
    assert ["s-1"] == house.closer.run_once()
    assert before == spikes(house)


def test_a_preview_of_what_is_in_force_tells_what_closings_found(house: House) -> None:
    house.has_trained("m-1", [500, 35, 30, 25, 20, 15, 10, 5], work_j=800.0)
    session = Session().set_of([380.0] * 8)
    house.arrive(session.events(), session.now_us)
    house.closer.run_once()
    (found,) = list_findings(house.engine)
    book = rules_of_all(house.engine)
    foreseen = foresee(house.engine, book, book, ORGANISATION, T0_US - DAY_US, session.now_us)
    assert [(found["rule"], found["severity"])] == [(one.rule, one.severity) for one in foreseen.present.values()]
    assert foreseen.present == foreseen.tried


def test_a_session_of_before_keeps_its_limit_when_a_reanalysis_gives_it_rules(house: House) -> None:
    session = Session().set_of([380.0] * 8)
    house.arrive(session.events(), session.now_us)
    house.closer.run_once()
    stored = get_session(house.engine, "s-1")
    assert stored is not None
    stored |= {"limit_mm": 412.0, "limit_tier": "calibrated", "limit_version": 3}
    for rules in ({}, {"spike_note": 1.2}):
        stored["frozen"] = {"limits": [], "protocol": None, "rules": rules, "rules_version": 4} if rules else None
        frozen = frozen_of(stored, None, [], lambda _: None)
        assert frozen is not None
        assert {None: DepthLimit(412.0, "calibrated", 3)} == frozen.by_setup()
        assert rules == frozen.in_force().rules.differing()
