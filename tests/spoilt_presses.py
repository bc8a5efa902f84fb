"""Movement and sensors as hypothesis draws them: strokes and pauses of all lengths, noise, and every kind of damage."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from pressing import Press, Samples

# No test here asserts a time: the first example compiles the kernel, and the machine may be busy.
few = settings(deadline=None, max_examples=50)


def press_of(strokes: list[tuple[float, float, float]]) -> Press:
    press = Press().rest(1.0)
    for depth_mm, seconds, rest_s in strokes:
        press = press.to(depth_mm, seconds).rest(rest_s)
    return press


strokes = st.tuples(st.floats(0, 600), st.floats(0.05, 3), st.sampled_from([0.0, 0.0, 0.0, 0.4, 1.5, 1.5, 35.0]))
presses = st.lists(strokes, min_size=1, max_size=10).map(press_of)
lives = st.builds(
    Press.samples,
    presses,
    st.sampled_from([10.0, 50.0, 50.0, 120.0]),
    noise_mm=st.sampled_from([0.0, 0.5, 2.0, 20.0]),
    step_mm=st.sampled_from([0.0, 1.0]),
    jitter=st.sampled_from([0.0, 0.9]),
    seed=st.integers(0, 2**16),
)


def spoilt(samples: Samples, seed: int) -> Samples:
    """Spikes, bursts, slips, missing samples, pauses of the data, late and repeated samples, changes of load."""
    random = np.random.default_rng(seed)
    n = len(samples.t_us)
    depths = samples.depth_mm + np.where(random.random(n) < 0.02, random.normal(0, 400, n), 0.0)
    depths += 150.0 * np.cumsum(random.random(n) < 0.002)
    depths[random.random(n) < 0.1] = np.nan
    pauses_us = np.where(random.random(n) < 0.003, random.choice([600_000, 5_000_000, 40_000_000], n), 0)
    t_us = samples.t_us + np.cumsum(pauses_us) - np.where(random.random(n) < 0.02, 30_000, 0)
    loads = 60.0 + 20.0 * (np.cumsum(random.random(n) < 0.004) % 3)
    return Samples(t_us, depths, loads)
