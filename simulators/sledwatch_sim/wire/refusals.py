"""What brokers would not take: told once for each reason, and counted."""

from collections import Counter

import structlog

log = structlog.get_logger()


class Refusals:
    """Counts by reason, for all machines of a run: a broker that refuses one message mostly refuses thousands."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, gym: str, machine: str, reason: str) -> None:
        """A message was refused; the first of a reason is logged."""
        self._counts[reason] += 1
        if self._counts[reason] == 1:
            log.warning("machine.refused", gym=gym, machine=machine, reason=reason, more="counted, and told at the end")

    def sum_up(self) -> None:
        """Log how many there were of each reason, and count anew."""
        for reason, messages in self._counts.items():
            log.warning("machine.refused_in_all", reason=reason, messages=messages)
        self._counts.clear()
