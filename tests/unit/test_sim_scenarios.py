"""The files of scenarios: those that come with the program are right, and what is wrong in one is told by its place."""

import pytest

from sledwatch_sim.scenarios import WrongScenario, load, names, read

GOOD = """
summary = "Somebody trains"
span_min = 20

[[gyms]]
name = "north"
title = "North"

[[machines]]
model = "LP-45"
count = 2
sensor = { stuck = [[10, 20]] }

[[people]]
machine = 2
"""


def test_the_scenarios_that_come_with_the_program_are_there_and_right():
    assert {
        "back-after-layoff",
        "bad-network",
        "beginners",
        "broken-encoder",
        "chain",
        "gym",
        "quiet-morning",
        "rehab",
        "rush-hour",
        "shared-badge",
        "steady-years",
        "too-deep",
        "too-much-too-soon",
    } == set(names())
    assert all(load(name)[1].summary for name in names())


def test_a_name_of_a_gym_is_used_by_one_scenario_only():
    gyms = [gym.name for name in names() for gym in load(name)[1].gyms]
    assert len(gyms) == len(set(gyms))


def test_a_file_of_ones_own_is_loaded_by_its_path(tmp_path):
    path = tmp_path / "my-gym.toml"
    path.write_text(GOOD)
    name, scenario = load(str(path))
    assert ("my-gym", 2) == (name, scenario.machines_each)
    assert ((10.0, 20.0),) == scenario.machines[0].sensor.stuck


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("span_min = 20", "span_min = 20\nspam = 1", "my.toml, spam: unknown; expected one of summary, span_min"),
        ("span_min = 20", "", "my.toml, span_min: missing"),
        ("span_min = 20", "span_min = 500", "my.toml, span_min: expected `int` <= 240"),
        ("machine = 2", "machine = 0", "my.toml, [[people]] 1 machine: expected `int` >= 1"),
        ("machine = 2", "machine = 3", "my.toml, [[people]] 1 machine: expected at most 2, the machines there are"),
        ("machine = 2", "machine = 2\ndepth = 4", "my.toml, [[people]] 1 depth: unknown; expected one of machine"),
        ("machine = 2", 'machine = 2\ntemper = "wild"', "my.toml, [[people]] 1 temper: invalid enum value 'wild'"),
        ("machine = 2", "machine = 2\nload_today = 1.2", "my.toml, [[people]] 1 load_today: expected sets_today as"),
        ("machine = 2", "machine = 2\noff_days = 90", "my.toml, [[people]] 1 off_days: expected at most 56"),
        ("machine = 2", "machine = 2\nweeks = 0\nwork_of_best = 1", "[[people]] 1 work_of_best: expected weeks of his"),
        ("stuck =", "stack =", "my.toml, [[machines]] 1 sensor.stack: unknown; expected one of noise_mm"),
        ("[[10, 20]]", "[[20, 10]]", "my.toml, [[machines]] 1 sensor: stuck: expected spans (from, to) in seconds"),
        ('name = "north"', 'name = "No"', "my.toml, [[gyms]] 1 name: expected `str` matching regex"),
        ("[[people]]\nmachine = 2", "", "my.toml, [[people]]: expected either [[people]] or [crowd]"),
        ("span_min = 20", "span_min =", "my.toml: no TOML: "),
    ],
)
def test_what_is_wrong_is_told_by_file_table_and_key(before, after, told):
    assert before in GOOD
    with pytest.raises(WrongScenario) as caught:
        read(GOOD.replace(before, after).encode(), "my.toml")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"), [("nowhere", "expected one of back-after-layoff"), ("no.toml", "No such file")]
)
def test_a_scenario_that_is_not_there_is_told(name, told):
    with pytest.raises(WrongScenario, match=told):
        load(name)
