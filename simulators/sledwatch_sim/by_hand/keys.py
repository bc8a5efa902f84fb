"""What a person presses: keys of a terminal, or words of a script, as steps that the machine by hand understands."""

import codecs
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Key(StrEnum):
    """What can be done at a machine by hand."""

    BADGE = "badge"
    USER = "user"
    REP = "rep"
    DOWN = "down"
    UP = "up"
    DEEPER = "deeper"
    SHALLOWER = "shallower"
    TARGET = "target"
    SLOWER = "slower"
    FASTER = "faster"
    TEMPO = "tempo"
    MORE = "more"
    LESS = "less"
    LOAD = "load"
    NOTCH_UP = "notch-up"
    NOTCH_DOWN = "notch-down"
    NOTCH = "notch"
    CABLE = "cable"
    REBOOT = "reboot"
    WAIT = "wait"
    LIMIT = "limit"
    STORED = "stored"
    QUIT = "quit"


# What the keys of a terminal do; `user` asks for a name.
BY_KEY: Final = {
    "b": Key.BADGE,
    "u": Key.USER,
    " ": Key.REP,
    "enter": Key.REP,
    "up": Key.UP,
    "k": Key.UP,
    "down": Key.DOWN,
    "j": Key.DOWN,
    "d": Key.DEEPER,
    "s": Key.SHALLOWER,
    "]": Key.SLOWER,
    "[": Key.FASTER,
    "+": Key.MORE,
    "=": Key.MORE,
    "-": Key.LESS,
    "n": Key.NOTCH_UP,
    "N": Key.NOTCH_DOWN,
    "c": Key.CABLE,
    "r": Key.REBOOT,
    "q": Key.QUIT,
}
# Of a script: those that take a value, and what it is.
_WITH_NUMBER: Final = {
    Key.TARGET: "millimetres",
    Key.TEMPO: "seconds",
    Key.LOAD: "kilograms",
    Key.NOTCH: "a number",
    Key.WAIT: "seconds",
}
_WITH_NAME: Final = {Key.USER}
_WORDS: Final = {**{key.value: key for key in Key}, **{key: done for key, done in BY_KEY.items() if len(key) == 1}}
_MOST_TIMES: Final = 1_000
# Escape sequences of arrow keys, in both modes that terminals have, and others that are swallowed whole.
_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])")
_BEGUN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?$")
_NAMED: Final = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1bOM": "enter",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x1b": "escape",
}


class WrongKeys(ValueError):
    """A script that cannot be read; the message says which word and what was expected."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do; value: a number or a name, where it takes one."""

    key: Key
    value: float | str | None = None


class KeyReader:
    """Takes a terminal's bytes apart, however they were cut, into keys: a character, or a name such as `up`."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")
        self._begun = ""

    @property
    def begun(self) -> bool:
        """Whether an escape has come that may be a key of its own or the beginning of a longer one."""
        return bool(self._begun)

    def feed(self, data: bytes) -> list[str]:
        """The keys that are whole now."""
        text = self._begun + self._decoder.decode(data)
        match = _BEGUN.search(text)
        self._begun = text[match.start() :] if match else ""
        return _taken_apart(text[: len(text) - len(self._begun)])

    def flush(self) -> list[str]:
        """Nothing more came: what was begun was all."""
        begun, self._begun = self._begun, ""
        return _taken_apart(begun)


def _taken_apart(text: str) -> list[str]:
    keys: list[str] = []
    at = 0
    while at < len(text):
        match = _SEQUENCE.match(text, at)
        one = match.group() if match else text[at]
        at += len(one)
        if one in _NAMED:
            keys.append(_NAMED[one])
        elif one.isprintable():
            keys.append(one)
    return keys


def parse(text: str) -> list[Step]:
    """Read a script: words between blanks, each `[TIMES*]WORD[=VALUE]`; from # to the end of a line it is a remark.

    Raises WrongKeys.
    """
    words = [word for line in text.splitlines() for word in line.partition("#")[0].split()]
    return [step for number, word in enumerate(words, start=1) for step in _steps(number, word)]


def _steps(number: int, word: str) -> list[Step]:
    times, star, rest = word.partition("*")
    if not star:
        times, rest = "1", word
    if not (times.isdecimal() and 1 <= int(times) <= _MOST_TIMES):
        raise WrongKeys(f"word {number}, {word!r}: {times!r} times: expected 1 to {_MOST_TIMES}")
    name, equals, value = (rest, "", "") if rest in _WORDS else rest.partition("=")
    key = _WORDS.get(name)
    if key is None:
        raise WrongKeys(f"word {number}, {word!r}: expected one of {' '.join(_WORDS)}")
    return [Step(key, _value(number, word, key, value if equals else None))] * int(times)


def _value(number: int, word: str, key: Key, value: str | None) -> float | str | None:
    if key in _WITH_NAME:
        if not value:
            raise WrongKeys(f"word {number}, {word!r}: expected {key}=NAME")
        return value
    if key not in _WITH_NUMBER:
        if value is not None:
            raise WrongKeys(f"word {number}, {word!r}: {key} takes no value")
        return None
    try:
        figure = float(value or "")
    except ValueError:
        figure = float("nan")
    if not 0.0 <= figure <= 3600.0:
        raise WrongKeys(f"word {number}, {word!r}: expected {key}={_WITH_NUMBER[key]}, such as {key}=1.5")
    return figure
