"""Which stores and brokers the fault tests put together."""

from typing import Any, Final, NamedTuple

import pytest


class Kinds(NamedTuple):
    """A series store, and a broker."""

    store: str
    broker: str


def pair(store: str, broker: str) -> Any:
    """A parameter of the fixture `kinds`."""
    programs = [program for kind in (store, broker) for program in _PROGRAMS.get(kind, [])]
    return pytest.param(Kinds(store, broker), id=f"{store}-{broker}", marks=pytest.mark.needs(*programs))


_PROGRAMS: Final = {"influx": ["influxd"], "mosquitto": ["mosquitto"], "shipped": ["mosquitto", "openssl"]}

ONE_COMMAND: Final = pair("sqlite", "iotcore")
FULL_STACK: Final = pair("influx", "shipped")
DEPLOYMENTS: Final = [ONE_COMMAND, FULL_STACK]
EACH_BROKER: Final = [ONE_COMMAND, pair("sqlite", "mosquitto"), FULL_STACK]
EVERY_PAIR: Final = [*EACH_BROKER, pair("influx", "iotcore"), pair("influx", "mosquitto"), pair("sqlite", "shipped")]
# No group on iotcore: rumqttd 0.20.0 panics when the last of a group goes with something unacknowledged, and takes
# nothing from then on.
REPLICATED: Final = [pair("sqlite", "mosquitto"), FULL_STACK]
