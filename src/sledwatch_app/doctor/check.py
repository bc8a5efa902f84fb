"""What a look at one thing gives, and how long it may take."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["ok", "warn", "fail"]

# How long one host may take to answer one question.
ANSWER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what it is, how it is, what was found, and what to do where it is not right."""

    name: str
    verdict: Verdict
    found: str
    to_do: str = ""


def bounded(looks: Mapping[str, Callable[[], list[Check]]], within_s: float) -> list[Check]:
    """What each of these finds, at the same time; one that takes too long has found that nobody answers.

    Raises what one of them raises.
    """
    found: dict[str, list[Check]] = {}
    raised: list[Exception] = []

    def work(name: str, look: Callable[[], list[Check]]) -> None:
        try:
            found[name] = look()
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits
            raised.append(error)

    # Threads that hold nothing up at the end: what waits for a name server cannot be told to stop.
    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in looks.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if raised:
        raise raised[0]
    to_do = "see whether its host is up and can be reached from here"
    late = {name: [Check(name, "fail", f"no answer within {within_s:g} s", to_do)] for name in looks}
    return [check for name in looks for check in found.get(name, late[name])]


def worst(checks: Sequence[Check]) -> Verdict:
    """How it is altogether."""
    verdicts = {check.verdict for check in checks}
    return "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "ok"
