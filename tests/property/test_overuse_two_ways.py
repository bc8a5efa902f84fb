"""Overuse computed twice: by the services' rules, and by the simulator's truth, which knows the definitions only."""

from collections.abc import Sequence
from datetime import UTC

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from histories import DAY_US
from sledwatch.findings import workload_findings
from sledwatch.workload import Sessions, WorkloadContext
from sledwatch_sim.truth import Done, overuse

START_US = 1_780_272_000_000_000
HOUR_US = DAY_US // 24


@st.composite
def careers(draw: st.DrawFn) -> list[Done]:
    """Sessions of months: a rhythm with breaks of days, weeks and months, usual work and now and then far more."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    settled = draw(st.sampled_from([[], [3, 4] * 6, [7] * 8, [1, 6] * 6, [3, 4] * 11, [2, 2, 3] * 10]))
    gaps = settled + draw(st.lists(st.sampled_from([0, 1, 1, 2, 3, 4, 7, 33, 95]), min_size=1, max_size=6))
    now_us = START_US
    sessions = []
    for gap in [0, *gaps]:
        # In the morning or in the evening; now and then once more half an hour later, and all that is one visit.
        evening = gap == 0 or rng.random() < 0.5
        now_us = now_us - now_us % DAY_US + gap * DAY_US + (18 if evening else 7) * HOUR_US
        if sessions and now_us <= sessions[-1].end_us:
            continue
        usual = 20_000.0 * rng.uniform(0.8, 1.1)
        work_j = usual * float(rng.choice([0.4, 1.0, 1.0, 1.0, 1.0, 1.2, 1.6, 2.3]))
        hard = int(rng.choice([0, 2, 3, 4, 12]))
        load_kg = 100.0 * float(rng.choice([0.7, 1.0, 1.0, 1.0, 1.4]))
        sessions.append(Done(now_us, now_us + HOUR_US // 2, work_j, load_kg, (hard, hard)))
        if rng.random() < 0.1:
            again_us = now_us + HOUR_US
            sessions.append(Done(again_us, again_us + HOUR_US // 4, 0.3 * usual, load_kg, (1, 1)))
    return sessions


def found(sessions: Sequence[Done]) -> dict[str, str]:
    """What the services make of the last of the sessions."""
    table = pd.DataFrame(
        {
            "session": [f"s{number}" for number in range(len(sessions))],
            "start_us": [one.start_us for one in sessions],
            "end_us": [one.end_us for one in sessions],
            "work_j": [one.work_j for one in sessions],
            "tonnage_kg": [1_000.0] * len(sessions),
            "top_load_kg": [one.top_load_kg for one in sessions],
            "hard_sets": [one.hard_sets[0] for one in sessions],
        }
    )
    context = WorkloadContext(Sessions.of_frame(table), f"s{len(sessions) - 1}", "UTC", frozenset(), "Mia")
    return {finding.rule: finding.severity for finding in workload_findings(context)}


@settings(deadline=None, max_examples=150)
@given(careers())
def test_what_the_definitions_entail_is_what_the_rules_find(sessions: list[Done]) -> None:
    expected = overuse(sessions[:-1], sessions[-1], UTC)
    near = {one.rule for one in expected if one.near}
    told = {rule: severity for rule, severity in found(sessions).items() if rule not in near}
    sure = {one.rule: one for one in expected if not one.near}
    assert set(sure) == set(told)
    loud = {rule: one.severity for rule, one in sure.items() if not one.severity_near}
    assert loud == {rule: told[rule] for rule in loud}
