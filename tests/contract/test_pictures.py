"""Pictures of the documentation: light enough for a phone, drawn from what is kept beside them."""

import hashlib
import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
DRAWINGS = sorted((DOCS / "pictures").glob("*.svg"))


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_is_small_and_of_the_specification_beside_it(drawing: Path) -> None:
    spec = drawing.with_suffix(".json").read_text()
    assert hashlib.sha256(spec.encode()).hexdigest() in drawing.read_text().partition("\n")[0]
    assert len(drawing.read_bytes()) < 60_000


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_can_be_read_on_a_phone_and_on_a_dark_page(drawing: Path) -> None:
    svg = drawing.read_text()
    assert float(re.search(r'width="(\d+)"', svg).group(1)) < 540
    assert min(float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg)) >= 11
    assert "white" == json.loads(drawing.with_suffix(".json").read_text())["config"]["background"]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_is_on_a_page_and_told_to_who_cannot_see_it(drawing: Path) -> None:
    pages = "".join(page.read_text() for page in DOCS.glob("*.md"))
    assert re.search(rf"!\[.{{20,}}\]\(pictures/{drawing.name}\)", pages)
