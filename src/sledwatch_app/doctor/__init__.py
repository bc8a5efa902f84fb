"""`sledwatch doctor`: looks at everything this installation rests on, and says what to do about what is not right.

It changes nothing (but for buckets, where it is told to make them), and takes seconds even where nobody answers.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Final

from sledwatch_app.doctor.broker import broker
from sledwatch_app.doctor.check import ANSWER_S, Check, bounded, worst
from sledwatch_app.doctor.http import api
from sledwatch_app.doctor.stores import data, series, state
from sledwatch_app.errors import WrongUse
from sledwatch_app.settings import Settings, load

__all__ = ["Check", "examine", "worst"]

# All hosts at the same time; each of them is asked several questions.
_TOGETHER_S: Final = 7.0
# Names that docker-compose.yml and other commands read from the environment, and that are no settings.
_BESIDE: Final = re.compile(
    r"SLEDWATCH_(BROKER_HOSTS|SUPERVISED|(INGEST|ANALYTICS|SIMULATOR|MONITOR|INFLUXDB)_PASSWORD)"
)
_SECRETS: Final = frozenset({"api_token", "influxdb_token"})


def examine(environment: Mapping[str, str], *, create: bool) -> list[Check]:
    """Look at everything. environment: the process's. create: make InfluxDB's buckets where they are absent."""
    try:
        settings = load()
    except WrongUse as error:
        return [Check("settings", "fail", str(error), "correct it in the environment or in .env (docs/settings.md)")]
    known: list[int] = []
    checks = [*_settings(settings, environment), *data(settings)]
    checks += bounded({"state DB": lambda: state(settings, known)}, ANSWER_S)
    looks = {
        "broker": lambda: broker(settings, sum(known)),
        "series": lambda: series(settings, create=create),
        "API": lambda: api(settings),
    }
    return checks + bounded(looks, _TOGETHER_S)


def _settings(settings: Settings, environment: Mapping[str, str]) -> list[Check]:
    given = sorted(settings.model_fields_set)
    told = [f"SLEDWATCH_{name.upper()}={_shown(name, getattr(settings, name))}" for name in given]
    checks = [Check("settings", "ok", ", ".join(told) or "none is set: all have their defaults")]
    known = [f"SLEDWATCH_{name.upper()}" for name in Settings.model_fields]
    for name in sorted(environment):
        if name.startswith("SLEDWATCH_") and name not in known and not _BESIDE.fullmatch(name):
            near = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]}?" if near else "docs/settings.md lists them all"
            checks.append(Check("settings", "warn", f"{name} is no setting", meant))
    return checks


def _shown(name: str, value: object) -> str:
    if name in _SECRETS:
        return "***"
    hidden = re.sub(r"(?<=://)([^:@]*):.*@", r"\1:***@", str(value))
    return re.sub(r"([?&][^=&]*(?:password|token|secret)[^=&]*=)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)
