"""Logs: events with ids, one line each, on standard error."""

import logging
import sys
from collections.abc import Callable, Collection, MutableMapping
from typing import Any, NoReturn

import structlog


def configure(part: str, level: str, log_format: str) -> None:
    """Set up structlog for a process; every line names the part it comes from.

    level: debug | info | warning | error. log_format: console | json. Other libraries' warnings join the same stream.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        shared += [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    else:
        shared.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    structlog.configure(
        processors=[_in_every_thread(part), *shared],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=f"%(levelname)s {part} %(name)s: %(message)s")


def hand_on(tell: Callable[[str], None], but: Collection[str] = ()) -> None:
    """Have warnings told in a few words instead of written, where the terminal belongs to a screen.

    but: events that are not, because the screen shows them by itself.
    """

    def told(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> NoReturn:
        if event["event"] not in but:
            tell(" ".join(str(part) for part in (event["event"], event.get("reason")) if part))
        raise structlog.DropEvent

    structlog.configure(processors=[told], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def _in_every_thread(part: str) -> Any:
    """Context variables do not reach threads started elsewhere; the part's name must."""

    def add(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event.setdefault("part", part)
        return event

    return add
