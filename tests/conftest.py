"""What all tests share: the rule about programs that may be absent, and free ports."""

import os
import shutil
import socket
from collections.abc import Callable

import pytest
from hypothesis import settings

# The fixtures `broker`: real brokers, iotcore and Mosquitto; `influx_server`: a real InfluxDB; and `virtual_clock`,
# `press` and the others that machines come with: simulated ones, without a broker and without real time.
pytest_plugins = ("mqtt_brokers", "influx_server", "sledwatch_sim.testing")

# How long an example takes says how busy the machine is, not whether it is right.
settings.register_profile("sledwatch", deadline=None)
settings.load_profile("sledwatch")

# What tests may use though no program on PATH serves it.
_ELSEWHERE = {"influxd"} if os.environ.get("SLEDWATCH_INFLUXDB_URL") else set()

# How to get what a test may need, by the name of its program.
_HOW_TO_GET = {
    "mosquitto": "apt-get install mosquitto",
    "chromium": "apt-get install chromium",
    "influxd": "an InfluxDB 2 server from its makers' packages, on PATH; or set SLEDWATCH_INFLUXDB_URL, _TOKEN, _ORG",
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is absent, or fail it where SLEDWATCH_REQUIRE names that program."""
    required = {name.strip() for name in os.environ.get("SLEDWATCH_REQUIRE", "").split(",")}
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program) is None and program not in _ELSEWHERE:
                reason = f"{program} is not on PATH ({_HOW_TO_GET.get(program, 'install it')})"
                if program in required:
                    pytest.fail(f"SLEDWATCH_REQUIRE names it, but {reason}", pytrace=False)
                pytest.skip(reason)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A function that gives a free loopback port at each call."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find
