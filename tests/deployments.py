"""Which stores and brokers the fault tests put together."""

from typing import Any, Final, NamedTuple

import pytest


class Kinds(NamedTuple):
    """A series store, and a broker."""

    store: str
    broker: str


def pair(store: str, broker: str) -> Any:
    """A parameter of the fixture `kinds`."""
    programs = [program for kind, program in _PROGRAMS.items() if kind in (store, broker)]
    return pytest.param(Kinds(store, broker), id=f"{store}-{broker}", marks=pytest.mark.needs(*programs))


_PROGRAMS: Final = {"influx": "influxd", "mosquitto": "mosquitto"}

ONE_COMMAND: Final = pair("sqlite", "iotcore")
FULL_STACK: Final = pair("influx", "mosquitto")
DEPLOYMENTS: Final = [ONE_COMMAND, FULL_STACK]
EACH_BROKER: Final = [ONE_COMMAND, pair("sqlite", "mosquitto")]
EVERY_PAIR: Final = [*EACH_BROKER, pair("influx", "iotcore"), FULL_STACK]
