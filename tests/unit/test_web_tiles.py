"""What a tile of the floor says and draws."""

import pytest

from fake_api import NOW_US, machine, pressing
from sledwatch_web.tiles import RAIL_LENGTH, RAIL_TOP, tile
from sledwatch_web.words import NBSP


def painted(who="Anna", **fields):
    return tile(pressing("north", "press-1", "m-1", who, "S-1", **fields), "Europe/Berlin", NOW_US)


def test_a_tile_says_who_how_deep_against_the_limit_load_and_reps():
    shown = painted()
    said = [shown.who, shown.depth, shown.limit, shown.verdict, shown.load, shown.reps]
    expected = ["Anna", "236 mm", "Limit 412 mm", "41 mm to spare", "120 kg", "Set 2 · 8 reps"]
    assert expected == [text.replace(NBSP, " ") for text in said]


@pytest.mark.parametrize(
    ("level", "verdict", "fields"),
    [
        ("within", "41 mm to spare", {}),
        ("caution", "20 mm to spare", {"deepest_mm": 392.0}),
        ("over", "0.6 mm past the limit", {"deepest_mm": 412.6}),
        ("over", "19 mm past the limit", {"deepest_mm": 431.2, "over": True}),
        ("within", "No rep in this set yet", {"deepest_mm": None}),
        ("none", "Deepest 371 mm", {"limit_mm": None, "caution_mm": None}),
    ],
)
def test_the_verdict_is_on_the_deepest_point_of_the_set(level, verdict, fields):
    shown = painted(**fields)
    assert (level, verdict) == (shown.level, shown.verdict.replace(NBSP, " "))


def test_who_tires_and_whose_limit_is_a_protocols_end_are_told_in_a_word():
    shown = painted(tired=True, limit_tier=None)
    assert ("120 kg · tiring", "Protocol 412 mm") == (shown.load.replace(NBSP, " "), shown.limit.replace(NBSP, " "))


def test_a_member_without_a_name_is_called_by_their_number():
    assert painted(who=None).who == "m-1"


def test_a_free_machine_says_nothing_of_who_was_there_before():
    left_over = machine("north", "press-3", deepest_mm=420.0, limit_mm=412.0, load_kg=100.0, reps=12)
    shown = tile(left_over, None, NOW_US)
    assert ("free", "none", "", "", None) == (shown.state, shown.level, shown.who, shown.load, shown.track.limit)


def test_a_state_from_the_future_is_shown_as_offline():
    assert tile(machine("north", "press-3", state="melting"), None, NOW_US).state == "offline"


def test_the_rail_is_drawn_to_the_scale_of_the_travel():
    track = painted(travel_mm=620.0, depth_mm=310.0, limit_mm=620.0 / 4).track
    assert (RAIL_TOP + RAIL_LENGTH / 2, RAIL_TOP + RAIL_LENGTH / 4) == (track.sled, track.limit)


def test_a_sled_beyond_its_rail_is_drawn_at_its_end():
    assert painted(depth_mm=900.0).track.sled == RAIL_TOP + RAIL_LENGTH


def test_a_limit_beyond_the_travel_is_still_seen():
    assert painted(travel_mm=400.0, limit_mm=412.0).track.limit < RAIL_TOP + RAIL_LENGTH
