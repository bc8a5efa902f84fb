"""What must and must not be found in each scenario, by the whole line; too-deep and too-much-too-soon: test_simulate.

All run on one system, in a hurry, and are scored together: a truth file may hold several runs.
"""

import json
import threading
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import sledwatch_sim
from sledwatch_app.score import score
from whole_line import TOKEN, WholeLine

# Warns and alerts, and how many sessions have them; nothing else may be that loud. What is too near to a threshold, or
# can be read both ways, is left out.
LOUD: dict[str, dict[tuple[str, str], int]] = {
    # Half a minute passes until a machine sends again what was lost, and a minute until a session without an end is
    # closed; these begin first, and the others run meanwhile.
    "bad-network": {("depth.excessive", "alert"): 1},
    # The other faults there are too small, or too few sessions saw them: near, or not entailed.
    "broken-encoder": {("machine.encoder-slip", "warn"): 1, ("machine.encoder-stuck", "warn"): 1},
    "back-after-layoff": {("workload.returning", "warn"): 2},
    "beginners": {("workload.beginner", "warn"): 3},
    "chain": {("depth.excessive", "alert"): 4},
    "quiet-morning": {},
    "rehab": {("protocol.breach", "warn"): 2},
    "shared-badge": {},
    "steady-years": {},
}
SLOW = ("bad-network", "broken-encoder")
# Somebody is drawn to go too deep or not: what is loud there is what the truth says.
DRAWN = "rush-hour"
# No rule tells yet that two people are on one badge, so the work of both is taken for that of one: the truth says that
# nothing of it is anybody's workload.
BLIND_TO = {("shared-badge", "workload.spike")}

Rows = list[dict[str, Any]]


def simulate(line: WholeLine, name: str, directory: Path) -> threading.Thread:
    """Begin a scenario; its truth is complete when the thread has ended."""
    config = sledwatch_sim.SimConfig(
        line.mqtt_url, line.url, TOKEN, scenario=name, speed=5_000.0, truth_path=directory / f"{name}.jsonl"
    )
    thread = threading.Thread(target=sledwatch_sim.run, args=(config, lambda _: None, threading.Event()))
    thread.start()
    return thread


def truths(directory: Path, names: list[str]) -> dict[str, Rows]:
    texts = {name: (directory / f"{name}.jsonl").read_text() for name in names}
    (directory / "all.jsonl").write_text("".join(texts.values()))
    return {name: [json.loads(row) for row in text.splitlines()] for name, text in texts.items()}


def loud(line: WholeLine, truth: Rows) -> Counter[tuple[str, str]]:
    """How many sessions have which warns and alerts, but for those that the truth calls near."""
    near = {(row["rule"], row["session"]) for row in truth if row["kind"] == "finding" and row["near"]}
    found: Counter[tuple[str, str]] = Counter()
    for session in [row["session"] for row in truth if row["kind"] == "session"]:
        for item in line.get("/findings", session=session)["items"]:
            if item["severity"] != "note" and (item["rule"], session) not in near:
                found[item["rule"], item["severity"]] += 1
    return found


def test_in_each_scenario_is_found_what_is_true_and_nothing_else(tmp_path, free_port):  # type: ignore[no-untyped-def]
    names = [*LOUD, DRAWN]
    with WholeLine(tmp_path / "data", free_port, "--no-simulator") as line:
        slow = [simulate(line, name, tmp_path) for name in SLOW]
        for name in names:
            if name not in SLOW:
                simulate(line, name, tmp_path).join()
        for thread in slow:
            thread.join()
        truth = truths(tmp_path, names)
        figures = score(tmp_path / "all.jsonl", line.url, TOKEN, True)
        found = {name: loud(line, truth[name]) for name in names}
        press = line.get("/gyms/sim-shared/machines")["items"][1]

    scored = figures["scenarios"]
    shares: dict[str, set[float | None]] = defaultdict(set)
    for name in names:
        for rule, one in scored[name]["findings"].items():
            if (name, rule) not in BLIND_TO:
                shares[name] |= set(one.values())
    # A slipped encoder shows a depth that was not there.
    assert {name: True for name in names if name != "broken-encoder"} == {
        name: shares[name] <= {None, 1.0} for name in names if name != "broken-encoder"
    }
    of_machines = {rule: one for rule, one in scored["broken-encoder"]["findings"].items() if "machine." in rule}
    assert {None, 1.0} == {share for one in of_machines.values() for share in one.values()}
    blind = {(name, rule, severity) for name, rule in BLIND_TO for severity in ("warn", "alert")}
    assert LOUD == {name: {what: n for what, n in found[name].items() if (name, *what) not in blind} for name in LOUD}

    # Everything is counted, whatever the network does; what an encoder does not see is not.
    well = [scored[name]["reps"] for name in names if name != "broken-encoder"]
    assert min(min(one.values()) for one in well) > 0.99
    assert 0.9 < scored["broken-encoder"]["reps"]["recall"] < 1.0 == scored["broken-encoder"]["reps"]["precision"]
    assert max(scored[name]["bottom_mm"]["p95"] for name in names if name != "broken-encoder") < 2.0

    kinds = {name: Counter(row["kind"] for row in truth[name]) for name in names}
    assert {"stuck", "blind", "slip", "reboot", "drift"} <= {row.get("fault") for row in truth["broken-encoder"]}
    assert {"loss", "repeat", "disorder", "offline", "cut", "clock"} <= {
        row.get("fault") for row in truth["bad-network"]
    }
    assert 2 == sum(row.get("rule") == "protocol.breach" for row in truth["rehab"])
    assert 8 == kinds["chain"]["session"] == kinds["chain"]["member"]
    assert 4 == len({row["gym"] for row in truth["chain"] if row["kind"] == "session"})
    # Who never badges in is seen by nobody, but their machine is known to have been used.
    assert (1, 2) == (kinds["shared-badge"]["unbadged"], kinds["shared-badge"]["session"])
    assert "press-2" == press["machine"]
