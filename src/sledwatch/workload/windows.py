"""Windows that run along one member's ascending times, compiled."""

import numpy as np

from sledwatch.reps.compiled import compiled
from sledwatch.workload.terms import Floats, Micros


@compiled
def since(t_us: Micros, span_us: int) -> Micros:
    """For each time, the first of the times that is not older than the span."""
    result = np.empty(len(t_us), dtype=np.int64)
    oldest = 0
    for now in range(len(t_us)):
        while t_us[oldest] < t_us[now] - span_us:
            oldest += 1
        result[now] = oldest
    return result


@compiled
def best_between(values: Floats, oldest: Micros, until: Micros) -> Micros:
    """For each window [oldest, until), which of its values is the largest, the first of equals; −1 where it has none.

    Neither end ever goes back. NaN is no value.
    """
    best = np.full(len(oldest), -1, dtype=np.int64)
    # What may still become the largest: indices that ascend, values that descend.
    hopeful = np.empty(len(values), dtype=np.int64)
    front = back = seen = 0
    for now in range(len(oldest)):
        while seen < until[now]:
            if not np.isnan(values[seen]):
                while back > front and values[hopeful[back - 1]] < values[seen]:
                    back -= 1
                hopeful[back] = seen
                back += 1
            seen += 1
        while front < back and hopeful[front] < oldest[now]:
            front += 1
        if front < back:
            best[now] = hopeful[front]
    return best
