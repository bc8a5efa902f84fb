"""A process with too few open files for its connections gets more, or says what to do."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from sledwatch_sim.wire.descriptors import TooManyConnections, allow_connections
soft, hard, count = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    allow_connections(count)
except TooManyConnections as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def limited(soft: int, hard: int, count: int) -> list[str]:
    """What a process with these limits says, and what it may open in the end."""
    command = [sys.executable, "-c", PROGRAM, *map(str, (soft, hard, count))]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize(("soft", "after"), [(256, "564"), (1000, "1000")])
def test_the_limit_is_raised_where_it_is_too_low(soft, after):
    assert [after] == limited(soft, 1000, 500)


def test_what_the_system_does_not_allow_is_said_with_what_to_do():
    said, after = limited(256, 400, 500)
    assert "256" == after
    assert "500 connections need 564 open files, and this system allows 400: raise the limit" in said
    assert "share a connection" in said
