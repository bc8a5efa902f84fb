"""How fast frames are decoded and validated. Run: python benchmarks/contract.py

Prints messages/s on one core for 50-sample columnar frames, over several rounds in one process, with the plain JSON
decoder of the standard library on the same bytes for comparison.
"""

import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable

import msgspec

from sledwatch import events

NOW_US = 1_795_330_800_000_000
TOPIC = "sledwatch/v1/riverside/press-1/frame"
ROUNDS = 7
MESSAGES = 20_000


def frames() -> list[bytes]:
    """A thousand different frames of 50 samples, every tenth with missing ones."""
    rng = random.Random(1)
    return [
        events.encode(
            events.Frame(
                boot="k3x9q0m2v7a1d",
                seq=seq,
                t_us=NOW_US,
                dt_us=20_000,
                session="01JDA3M7Q2",
                depth_mm=[None if seq % 10 == 0 and i % 9 == 0 else round(rng.uniform(0, 500), 1) for i in range(50)],
                load_kg=120.0,
            )
        )
        for seq in range(1_000)
    ]


def rate(decode: Callable[[bytes], object], payloads: list[bytes]) -> float:
    """Messages a second for one round."""
    start = time.perf_counter()
    for i in range(MESSAGES):
        decode(payloads[i % len(payloads)])
    return MESSAGES / (time.perf_counter() - start)


def main() -> None:
    """Measure in turn, print min, median and max."""
    payloads = frames()
    print(f"{platform.machine()}, Python {platform.python_version()}, msgspec {msgspec.__version__}; {sys.argv[0]}")
    print(f"{MESSAGES} frames of 50 samples ({len(payloads[1])} bytes) a round, {ROUNDS} rounds in turn")
    ours: list[float] = []
    plain: list[float] = []
    for _ in range(ROUNDS):
        ours.append(rate(lambda payload: events.decode(TOPIC, payload, NOW_US), payloads))
        plain.append(rate(json.loads, payloads))
    for name, rates in (("events.decode (validated)", ours), ("json.loads (nothing checked)", plain)):
        print(f"{name:30} {min(rates):10,.0f} {statistics.median(rates):10,.0f} {max(rates):10,.0f} messages/s")


if __name__ == "__main__":
    main()
