"""Drawing the pictures of a page."""

import asyncio
import threading

from sledwatch_web.api import Json
from sledwatch_web.rendering import Charts


def test_pictures_of_one_page_are_put_together_one_after_the_other() -> None:
    """Two at once would take axes from each other."""
    busy, at_once, elsewhere = 0, [], threading.Event()

    def spec() -> Json:
        nonlocal busy
        busy += 1
        elsewhere.wait(0.02)
        at_once.append(busy)
        busy -= 1
        return {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a"}}}

    async def drawn() -> list[str]:
        charts = Charts()
        return await asyncio.gather(*(charts.svg(spec) for _ in range(4)))

    pictures = asyncio.run(drawn())
    assert [1, 1, 1, 1] == at_once
    assert all(picture.startswith("<svg") for picture in pictures)
