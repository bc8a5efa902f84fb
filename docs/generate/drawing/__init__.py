"""Pictures for the documentation: Vega-Lite specifications, kept beside the SVG that is drawn from them.

Whether a document is up to date is decided by words and numbers, never by the bytes of a drawing, which depend on the
fonts of the machine that draws. Numbers may differ by one unit in their last digit: processors differ in theirs.
"""

import hashlib
import json
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).parent.parent.parent
PICTURES: Final = DOCS / "pictures"
# A phone shows this much without making letters smaller than can be read.
WIDTH: Final = 480

Spec = dict[str, Any]

INK: Final = "#1b1f23"
MUTED: Final = "#565d64"
LINE: Final = "#dddcd6"
ACCENT: Final = "#0d5c70"
QUIET: Final = "#7fa9b4"
SOFT: Final = "#e1eef1"
ALERT: Final = "#b3241c"
WARN: Final = "#865600"
WARN_SOFT: Final = "#fbefd3"
FONT: Final = "Helvetica Neue, Arial, Liberation Sans, sans-serif"

_CONFIG: Final[Spec] = {
    "font": FONT,
    "aria": False,
    "background": "white",
    "padding": {"left": 8, "right": 12, "top": 8, "bottom": 8},
    "view": {"stroke": None},
    "axis": {
        "gridColor": LINE,
        "domain": False,
        "ticks": False,
        "labelColor": MUTED,
        "labelFontSize": 12,
        "labelPadding": 5,
        "titleColor": MUTED,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "axisY": {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleX": 0, "titleY": -10},
    "title": {
        "anchor": "start",
        "frame": "group",
        "fontSize": 13,
        "color": INK,
        "offset": 8,
        "subtitleColor": MUTED,
        "subtitleFontSize": 12,
    },
    "text": {"font": FONT, "fontSize": 12, "color": INK},
    "legend": {"labelFontSize": 12, "labelColor": INK, "title": None, "symbolSize": 60},
}
_COLUMNS: Final = 120
# A hundredth of a pixel is all that can be seen.
_FINER: Final = re.compile(r"(\.\d\d)\d+")
_NUMBER: Final = re.compile(r"(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing. name: of its files. says: what somebody hears who cannot see it. spec: Vega-Lite, without its look."""

    name: str
    says: str
    spec: Spec

    @property
    def text(self) -> str:
        """The specification as it is kept."""
        return json.dumps({**self.spec, "config": _CONFIG}, ensure_ascii=False, separators=(",", ":")) + "\n"

    @property
    def markdown(self) -> str:
        """The drawing in a page of docs/."""
        return f"![{self.says}](pictures/{self.name}.svg)"


def rows(**columns: Sequence[Any]) -> list[dict[str, Any]]:
    """Columns of equal length as the rows that Vega-Lite takes."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def axis(title: str | None = None, **more: Any) -> Spec:
    """An axis without a grid; its title stands above it."""
    return {"title": title, "grid": False, **more}


def looks(field: str, kinds: Sequence[str], colours: Sequence[str], shapes: Sequence[str], at: tuple[int, int]) -> Spec:
    """Colour and shape that say the same, with one legend. at: pixels in the plot."""
    legend = {"orient": "none", "legendX": at[0], "legendY": at[1], "direction": "vertical"}
    return {
        "color": {"field": field, "scale": {"domain": [*kinds], "range": [*colours]}, "legend": legend},
        "shape": {"field": field, "scale": {"domain": [*kinds], "range": [*shapes]}, "legend": legend},
    }


def wrapped(text: str) -> str:
    """A page with its paragraphs and lists filled; tables and pictures stay as they are."""
    return "\n\n".join(_filled(block) for block in text.strip().split("\n\n")) + "\n"


def _filled(block: str) -> str:
    if block[0] in "#|!<`":
        return block
    items = re.split(r"\n(?=- )", block)
    return "\n".join(_fill(one, "  " if one.startswith("- ") else "") for one in items)


def _fill(text: str, indent: str) -> str:
    return textwrap.fill(text, _COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def page(document: Path, build: Callable[[], tuple[str, Sequence[Picture]]]) -> int:
    """Write a page and its pictures, or with --check compare them; exit code 1 where they differ."""
    text, pictures = build()
    if "--check" not in sys.argv[1:]:
        _write(document, text, pictures)
        return 0
    stale = [] if _alike(document, text) else [document]
    for picture in pictures:
        spec, drawn = _files(picture)
        if not _alike(spec, picture.text):
            stale.append(spec)
        elif not drawn.exists() or _digest(spec.read_text()) not in drawn.read_text():
            stale.append(drawn)
    for path in stale:
        sys.stderr.write(f"docs/{path.relative_to(DOCS)} is not what the code says: run `make docs` and commit it\n")
    return 1 if stale else 0


def alike(one: str, other: str) -> bool:
    """Whether two texts differ in nothing but one unit in the last digit of numbers."""
    ones, others = _NUMBER.split(one), _NUMBER.split(other)
    return len(ones) == len(others) and all(
        a == b or (at % 2 == 1 and _near(a, b)) for at, (a, b) in enumerate(zip(ones, others, strict=True))
    )


def _near(one: str, other: str) -> bool:
    decimals = max(len(number.partition(".")[2]) for number in (one, other))
    return abs(float(one) - float(other)) < 1.001 * 10.0**-decimals


def _alike(path: Path, text: str) -> bool:
    return path.exists() and alike(path.read_text(), text)


def _files(picture: Picture) -> tuple[Path, Path]:
    return PICTURES / f"{picture.name}.json", PICTURES / f"{picture.name}.svg"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(document: Path, text: str, pictures: Sequence[Picture]) -> None:
    """What is up to date stays as it is."""
    import vl_convert  # noqa: PLC0415 - half a second that a check does not need

    if not _alike(document, text):
        document.write_text(text)
    PICTURES.mkdir(exist_ok=True)
    for picture in pictures:
        spec, drawn = _files(picture)
        if not _alike(spec, picture.text):
            spec.write_text(picture.text)
        kept = spec.read_text()
        if not drawn.exists() or _digest(kept) not in drawn.read_text():
            svg = _FINER.sub(r"\1", vl_convert.vegalite_to_svg(kept))
            drawn.write_text(f"<!-- drawn from {spec.name}, sha256 {_digest(kept)} -->\n{svg}\n")
