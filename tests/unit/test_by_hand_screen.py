"""The screen of a machine by hand: what it says, in any size, with and without colour and beyond ASCII."""

import dataclasses
import os
import pty
import termios
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from sledwatch.events import Alert, Cue, Limit, Rep
from sledwatch_sim.by_hand.machine import Light
from sledwatch_sim.by_hand.screen import View, lines
from sledwatch_sim.by_hand.terminal import Window
from sledwatch_sim.equipment.models import INCLINE

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REP = Rep(
    session="s-1", user="dev", gym="g", machine="m", set=1, rep=2, t_start_us=0, t_turn_us=1, t_end_us=2,
    load_kg=107.0, depth_mm=431.0, rom_mm=420.0, eccentric_s=1.4, concentric_s=0.9, limit_mm=400.0, over_mm=31.0,
)  # fmt: skip
ALERT = Alert(
    id="a-1", gym="g", user="dev", machine="m", session="s-1", rule="depth.excessive", severity="alert", state="open",
    count=3, first_at=NOW, last_at=NOW, title="Beyond the range", message="31 mm\x1b[2J past", advice="", evidence={},
)  # fmt: skip
VIEW = View(
    gym="workshop", machine="by-hand", press=INCLINE.online, broker="mqtt://127.0.0.1:1883", user="dev",
    session="s-1", session_s=83.0, depth_mm=431.0, target_mm=430.0, tempo_s=1.6, load_kg=107.0, notch=4,
    racked=False, waiting=1, light=Light.OVER, limit=Limit("s-1", 400.0, 380.0, "calibrated"), own_reps=2, own_over=1,
    cue=Cue("s-1", "excessive", 0, 431.0), cue_s=2.0, plugged_in=True, connected=True, connections=1, error=None,
    boot="3f2a1b9c", said=90, held=2, lost=0, refused=0, reps=[REP], alerts=[ALERT], not_heard=None,
    depths_mm=[400.0 * (i % 20) / 20 for i in range(200)], notice="a rep to 430 mm", entry=None, phase="",
)  # fmt: skip


def shown(width: int = 80, height: int = 24, *, unicode: bool = True, **changed: Any) -> str:
    view = dataclasses.replace(VIEW, **changed)
    return "\n".join(line.plain for line in lines(view, width, height, unicode=unicode))


@pytest.mark.parametrize("said", [
    "workshop/by-hand", "● online", "431 mm", "■ OVER", "limit 400 mm (calibrated), caution from 380", "s-1  1:23",
    "2 counted here, 1 beyond the limit · 1 found by the system", "EXCESSIVE at 431 mm, 2 s ago",
    "90 numbered · 88 stored · 2 held", "load 107 kg · seat notch 4", "+31 over",
    "ALERT 3x depth.excessive: Beyond the range.", "a rep to 430 mm", "space rep",
])  # fmt: skip
def test_all_that_is_known_is_on_a_screen_of_the_usual_size(said: str):
    assert said in shown()


def test_the_sled_stands_at_its_depth_and_the_limit_at_its_own():
    """A rail of 100 columns, the first of them at the rack."""
    rows = [shown(106, depth_mm=mm).splitlines()[3] for mm in (0.0, 310.0, 620.0)]
    assert [4, 4 + 50, 4 + 99] == [row.index("]") for row in rows]
    assert 4 + round(400 / 620 * 99) == rows[0].index("┃")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40), (300, 100), (50, 16), (40, 8), (20, 3), (80, 1)])
@pytest.mark.parametrize("unicode", [True, False])
def test_it_fits_any_window(width: int, height: int, unicode: bool):
    rows = shown(width, height, unicode=unicode).splitlines()
    assert len(rows) <= height
    assert max(map(len, rows)) <= max(width, 40)
    assert unicode or all(row.isascii() for row in rows)


def test_what_comes_from_elsewhere_cannot_steer_the_terminal():
    assert "\x1b" not in shown(140, 40)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"plugged_in": False, "connected": False, "held": 9}, ["CABLE CUT", "81 stored · 9 held"]),
        ({"connected": False, "error": "refused"}, ["not connected", "mqtt://127.0.0.1:1883: refused; trying again"]),
        ({"light": Light.GREEN}, ["● GREEN"]),
        ({"light": Light.CAUTION}, ["▲ CAUTION"]),
        ({"light": Light.OFF, "limit": None}, ["○ no limit known", "the machine was told none"]),
        ({"limit": Limit("s-1", None, None, None)}, ["none is set for this member"]),
        ({"session": None, "limit": None}, ["none: b badges in", "nobody is badged in"]),
        ({"not_heard": "not allowed"}, ["not heard: not allowed"]),
        ({"entry": "m-1"}, ["next user: m-1_"]),
        ({"phase": "racking"}, [" racking"]),
        ({"lost": 3, "refused": 2}, ["3 lost", "2 refused"]),
        ({"racked": True, "depth_mm": 0.0, "waiting": 0}, ["racked"]),
    ],
)
def test_it_says_what_is_the_matter(changed: dict[str, Any], expected: list[str]):
    for words in expected:
        assert words in shown(**changed)


def printed(**console: Any) -> str:
    file = StringIO()
    Console(file=file, width=80, **console).print(*lines(VIEW, 80, 24), sep="\n")
    return file.getvalue()


def test_without_colour_nothing_is_lost():
    coloured, plain = printed(force_terminal=True, color_system="truecolor"), printed(no_color=True)
    assert "\x1b[" in coloured
    assert "\x1b[" not in plain
    assert "■ OVER" in plain


def test_the_terminal_is_as_it_was_after_an_error():
    outer, inner = pty.openpty()
    with os.fdopen(inner, "w", encoding="utf-8") as file, os.fdopen(outer, "rb", buffering=0) as seen:
        before = termios.tcgetattr(inner)
        console = Console(file=file, force_terminal=True, width=80, height=24)
        with suppress(RuntimeError), Window(inner, console) as window:
            assert 0 == termios.tcgetattr(inner)[3] & (termios.ICANON | termios.ECHO)
            window.draw(VIEW)
            raise RuntimeError
        assert before == termios.tcgetattr(inner)
        file.flush()
        drawn = b""
        while b"\x1b[?1049l" not in drawn:
            drawn += seen.read(1 << 16)
    # The alternate screen and the cursor: taken, and given back.
    assert drawn.index(b"\x1b[?1049h") < drawn.index(b"OVER") < drawn.index(b"\x1b[?1049l")
    assert drawn.rindex(b"\x1b[?25l") < drawn.rindex(b"\x1b[?25h")
