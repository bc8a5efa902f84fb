"""How long to wait before the next attempt."""

import random

from sledwatch_ingest.backoff import Backoff


class NoJitter(random.Random):
    """Chance that always gives the whole wait."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1.0, most_s=5.0, chance=NoJitter())
    assert [1.0, 2.0, 4.0, 5.0, 5.0] == [backoff.wait_s() for _ in range(5)]


def test_a_success_begins_anew() -> None:
    backoff = Backoff(first_s=1.0, most_s=5.0, chance=NoJitter())
    backoff.wait_s()
    backoff.reset()
    assert backoff.wait_s() == 1.0


def test_the_other_side_may_ask_for_longer() -> None:
    backoff = Backoff(first_s=1.0, most_s=5.0, chance=NoJitter())
    assert [30.0, 2.0] == [backoff.wait_s(at_least_s=30.0), backoff.wait_s(at_least_s=0.5)]


def test_jitter_keeps_processes_apart_within_half_a_wait() -> None:
    waits = [Backoff(4.0, 4.0, random.Random(seed)).wait_s() for seed in range(50)]
    assert all(2.0 <= wait_s <= 4.0 for wait_s in waits)
    assert len(waits) == len(set(waits))
