"""How much the fault tests stage: short forms in every run, long ones with SLEDWATCH_FAULT=long (`make fault`)."""

import logging
import os
from typing import Final, TypeVar

import pytest

T = TypeVar("T")

LONG: Final = os.environ.get("SLEDWATCH_FAULT") == "long"

# Where the long forms say how far they are; `make fault` shows it as it comes.
progress = logging.getLogger("fault")


def either(short: T, long: T) -> T:
    """The one of the two that this run wants."""
    return long if LONG else short


# For a test that says something only when it takes minutes.
long_form = pytest.mark.skipif(not LONG, reason="a long form, which `make fault` runs")
