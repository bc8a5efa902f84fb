"""The colours of the pages can be told from what lies beneath them (WCAG 2.2: text 4.5, marks and edges 3)."""

import re

import pytest

from sledwatch_web.site import STATIC

CSS = (STATIC / "tokens.css").read_text()
LIGHT_CSS, DARK_CSS = CSS.split("@media (prefers-color-scheme: dark)")


def tokens(css):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css))


def luminance(colour):
    def linear(channel):
        share = int(channel, 16) / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(colour[i : i + 2]) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


PAIRS = [
    *((4.5, ink, ground) for ink in ("ink", "ink-2", "accent", "alert", "warn") for ground in ("paper", "surface")),
    (4.5, "ink", "sunken"),
    (4.5, "ink-2", "sunken"),
    (4.5, "ink", "accent-soft"),
    (4.5, "accent-ink", "accent"),
    (4.5, "alert", "alert-soft"),
    (4.5, "warn", "warn-soft"),
    *((3.0, mark, ground) for mark in ("edge", "accent") for ground in ("paper", "surface")),
    (3.0, "alert", "warn-soft"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("least", "mark", "ground"), PAIRS)
def test_a_colour_stands_out_from_its_ground(scheme, least, mark, ground):
    colours = tokens(LIGHT_CSS if scheme == "light" else DARK_CSS)
    assert contrast(colours[mark], colours[ground]) >= least


def test_the_dark_page_has_every_colour_of_the_light_one():
    assert tokens(LIGHT_CSS).keys() == tokens(DARK_CSS).keys()


def test_every_colour_that_is_used_is_a_token():
    used = {name for sheet in STATIC.glob("*.css") for name in re.findall(r"var\(--([\w-]+)\)", sheet.read_text())}
    assert used <= set(re.findall(r"--([\w-]+):", LIGHT_CSS))
