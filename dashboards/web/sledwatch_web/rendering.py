"""Chart specifications → SVG for a page, in a thread, and kept while they are asked for."""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import anyio.to_thread
import vl_convert
from markupsafe import Markup

from sledwatch_web.api import Json

# The first drawing loads the renderer (half a second); two at a time keep a core free for the pages.
THREADS: Final = 2
KEPT: Final = 256
_SMALLEST: Final[Json] = {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a"}}}


class Charts:
    """Draws specifications as SVG. The same specification is drawn once while it is among the last `kept`."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._drawn: OrderedDict[str, Markup] = OrderedDict()
        self._lock = threading.Lock()
        # Altair mixes up the parts of pictures that are put together in several threads at once.
        self._specifying = threading.Lock()
        self._limiter: anyio.CapacityLimiter | None = None
        self._warm = threading.Event()

    async def svg(self, spec: Callable[[], Json]) -> Markup:
        """The drawing of what `spec` returns, both made in a thread, safe to be put into a page."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(lambda: self.draw(self._specified(spec)), limiter=self._limiter)

    def _specified(self, spec: Callable[[], Json]) -> Json:
        with self._specifying:
            return spec()

    def draw(self, spec: Json) -> Markup:
        """The drawing of a specification, in the caller's thread."""
        text = json.dumps(spec, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
                return self._drawn[key]
        drawn = Markup(vl_convert.vegalite_to_svg(text))  # noqa: S704 - made by the renderer from data it escapes
        with self._lock:
            self._drawn[key] = drawn
            while len(self._drawn) > self._kept:
                self._drawn.popitem(last=False)
        return drawn

    def warm_up(self) -> None:
        """Load the renderer in the background, once, so that the first chart is not the slow one."""
        if not self._warm.is_set():
            self._warm.set()
            threading.Thread(target=self.draw, args=(_SMALLEST,), name="charts-warm-up", daemon=True).start()
