"""Scenarios by name, as they come with the program, or by the path of a file of one's own."""

import re
import tomllib
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from sledwatch_sim.scenarios.schema import Scenario

Place = tuple[str | int, ...]

_TABLES: Final = {"gyms", "machines", "people"}


class WrongScenario(Exception):
    """There is no such scenario, or its file is wrong; the message is one line: file, table, key, and what it takes."""


def names() -> list[str]:
    """The scenarios that come with the program."""
    files = resources.files(__package__).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load(name: str) -> tuple[str, Scenario]:
    """A scenario and what it is called: by name, or by a path, which ends in .toml. Raises WrongScenario."""
    if name.endswith(".toml"):
        path = Path(name)
        try:
            return path.stem, read(path.read_bytes(), name)
        except OSError as error:
            raise WrongScenario(f"{name}: {error.strerror}") from None
    if name not in names():
        known = ", ".join(names())
        raise WrongScenario(f"no scenario {name!r}: expected one of {known}, or the path of a .toml file")
    return name, read(resources.files(__package__).joinpath(f"{name}.toml").read_bytes(), f"{name}.toml")


def read(text: bytes, file: str) -> Scenario:
    """A scenario from the text of its file. Raises WrongScenario, which names the file, the table and the key."""
    try:
        given = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongScenario(f"{file}: no TOML: {error}") from None
    for place, key, known in _unknown(given, Scenario, ()):
        raise WrongScenario(f"{file}, {_where((*place, key))}: unknown; expected one of {', '.join(known)}")
    try:
        scenario = msgspec.convert(given, Scenario)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        missing = re.search(r"missing required field `(\w+)`", what)
        place = _path(path)
        if missing:
            raise WrongScenario(f"{file}, {_where((*place, missing[1]))}: missing") from None
        raise WrongScenario(f"{file}, {_where(place)}: {_lower(what)}") from None
    for place, what in _disagreements(scenario):
        raise WrongScenario(f"{file}, {_where(place)}: {what}")
    return scenario


def _unknown(given: Any, kind: Any, place: Place) -> Iterator[tuple[Place, str, list[str]]]:
    """Keys that no table of this kind has: where, which, and those there are."""
    kind = _plain(kind)
    if isinstance(given, list) and typing.get_origin(kind) is tuple:
        for number, one in enumerate(given):
            yield from _unknown(one, typing.get_args(kind)[0], (*place, number))
    known = _keys(kind)
    if not known or not isinstance(given, dict):
        return
    for key, value in given.items():
        if key not in known:
            yield place, key, list(known)
        else:
            yield from _unknown(value, known[key], (*place, key))


def _keys(kind: Any) -> dict[str, Any]:
    """The keys of a table and what kind each is; none for what is no table."""
    if isinstance(kind, type) and (issubclass(kind, msgspec.Struct) or is_dataclass(kind)):
        hints = typing.get_type_hints(kind, include_extras=True)
        named = msgspec.structs.fields(kind) if issubclass(kind, msgspec.Struct) else fields(kind)
        return {one.name: hints[one.name] for one in named}
    return {}


def _plain(kind: Any) -> Any:
    """Without annotations, and without None where that is an alternative."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        alternatives = [one for one in typing.get_args(kind) if one is not types.NoneType]
        return _plain(alternatives[0])
    return kind


def _path(path: str) -> Place:
    """`$.machines[0].count` in pieces."""
    return tuple(int(number) if number else name for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", path))


def _where(place: Place) -> str:
    """A place as a reader of the file finds it: the table, counted from 1, and the key."""
    if not place:
        return "the whole"
    table, *rest = place
    words = f"[[{table}]]" if table in _TABLES else f"[{table}]" if rest else str(table)
    if rest and isinstance(rest[0], int):
        words += f" {rest[0] + 1}"
        rest = rest[1:]
    keys = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in rest)
    return f"{words} {keys.removeprefix('.')}".rstrip()


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _disagreements(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """What each key allows and all together do not."""
    if bool(scenario.people) == (scenario.crowd is not None):
        yield ("people",), "expected either [[people]] or [crowd]"
    if scenario.crowd is not None and len(scenario.gyms) > 1:
        yield ("crowd",), "expected one gym; a crowd keeps to its own"
    if scenario.crowd is not None and scenario.crowd.overkeen + scenario.crowd.deep_when_tired > 1.0:
        yield ("crowd", "overkeen"), "expected at most 1 together with deep_when_tired"
    if len({gym.name for gym in scenario.gyms}) < len(scenario.gyms):
        yield ("gyms",), "expected different names"
    for number, person in enumerate(scenario.people):
        if person.machine > scenario.machines_each:
            yield (
                ("people", number, "machine"),
                f"expected at most {scenario.machines_each}, the machines there are",
            )
        if person.work_of_best is not None and (person.weeks == 0 or person.sets_today is not None):
            yield ("people", number, "work_of_best"), "expected weeks of history, and no sets_today"
        if person.load_today is not None and person.sets_today is None:
            yield ("people", number, "load_today"), "expected sets_today as well"
        if person.off_days > 7 * person.weeks:
            yield ("people", number, "off_days"), f"expected at most {7 * person.weeks:.0f}, the weeks of history"
        if person.protocol is not None and person.protocol.knee_deg[0] >= person.protocol.knee_deg[1]:
            yield ("people", number, "protocol", "knee_deg"), "expected the smaller angle first"
