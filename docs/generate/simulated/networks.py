"""How late each second of data reaches the broker, by what lies between."""

import logging
from typing import Any, Final, NamedTuple

import structlog

from drawing import ACCENT, WARN, WIDTH, Picture, Spec, axis
from simulated.people import SEED, START_US
from sledwatch_sim.testing.broker import VirtualBroker
from sledwatch_sim.testing.clock import VirtualClock
from sledwatch_sim.testing.press import SimulatedPress
from sledwatch_sim.testing.storing import Storing
from sledwatch_sim.wire.conditions import Conditions

_LASTS_S: Final = 60
# Long enough for all that was lost to be asked for again.
_AFTER_S: Final = 120.0


class Network(NamedTuple):
    """What lies between a machine and its broker. words: above its picture. most_s: the end of its scale."""

    words: str
    most_s: float
    conditions: Conditions


NETWORKS: Final = (
    Network("latency of 0.2 to 1.2 s", 2.0, Conditions(latency_ms=200.0, latency_spread_ms=1_000.0)),
    Network("a fifth is lost, and asked for again", 65.0, Conditions(loss=0.2)),
    Network("offline from 15 to 40 s: a burst", 65.0, Conditions(offline=((15.0, 40.0),))),
    Network("a fifth overtaken, a fifth repeated", 2.0, Conditions(latency_ms=200.0, disorder=0.2, repeat=0.2)),
)


def _arrivals(network: Network) -> list[dict[str, Any]]:
    """Each frame as it arrives: when it was measured and how much later it came, in seconds."""
    # That a cable is pulled is what is asked for, and no news.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    clock = VirtualClock(START_US)
    broker = VirtualBroker(clock)
    Storing(broker)
    press = SimulatedPress(broker, "gym-1", "press-1", seed=SEED, network=network.conditions)
    press.badge_in("m-1")
    clock.advance(_LASTS_S)
    press.badge_out()
    clock.advance(_AFTER_S)
    seen: set[int] = set()
    found = []
    for message in press.messages:
        if message.kind != "frame":
            continue
        body = message.body
        over_us = body["t_us"] + body["dt_us"] * len(body["depth_mm"])
        again = body["seq"] in seen
        seen.add(body["seq"])
        measured_s, late_s = (body["t_us"] - START_US) / 1e6, (message.at_us - over_us) / 1e6
        found.append({"s": round(measured_s, 1), "late": round(late_s, 2) + 0.0, "again": again})
    return found


def picture() -> Picture:
    """Small multiples."""
    cells: list[Spec] = []
    for at, network in enumerate(NETWORKS):
        bottom = at >= len(NETWORKS) - 2
        x: Spec = {
            "field": "s",
            "type": "quantitative",
            "scale": {"domain": [0, _LASTS_S], "nice": False},
            "axis": axis("measured, s", tickCount=6) if bottom else None,
        }
        y: Spec = {
            "field": "late",
            "type": "quantitative",
            "scale": {"domain": [0, network.most_s], "nice": False},
            "axis": axis(grid=True, tickCount=4),
        }
        arrived = _arrivals(network)
        cells.append(
            {
                "title": {"text": network.words, "fontSize": 11, "fontWeight": "normal", "offset": 4},
                "width": (WIDTH - 90) // 2,
                "height": 100,
                "layer": [
                    {
                        "data": {"values": [one for one in arrived if one["again"] == again]},
                        "mark": {"type": "point", "opacity": 1, "filled": not again, **look},
                        "encoding": {"x": x, "y": y},
                    }
                    for again, look in (
                        (False, {"size": 14, "color": ACCENT}),
                        (True, {"size": 50, "color": WARN, "shape": "triangle-up", "yOffset": -8}),
                    )
                    if again in {one["again"] for one in arrived}
                ],
            }
        )
    says = "How late the frames of a minute reach the broker through four networks"
    title = "How late each second of data arrives, in seconds"
    return Picture("simulated-networks", says, {"title": title, "concat": cells, "columns": 2, "spacing": 14})
