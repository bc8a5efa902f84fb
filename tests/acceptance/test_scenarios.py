"""What must and must not be found in each scenario, by the whole line: all of them are played in one go, and scored.

scenario_promises says what each promises; that it is true of them whatever the seed and the hour: test_sim_promises.
"""

import fcntl
import json
import pickle
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scenario_promises import CAST, CROWDS, Loud, Place
from waiting import eventually
from whole_line import WholeLine

# A slipped encoder shows a depth that was not there; what that entails for the machine is scored.
BROKEN = "broken-encoder"

Row = dict[str, Any]


class Played:
    """All scenarios as they were played: what was true, what was found, and how the one is scored by the other."""

    def __init__(self, line: WholeLine, truth: Path) -> None:
        self.rows: list[Row] = [json.loads(row) for row in truth.read_text().splitlines()]
        gyms = {gym: run["scenario"] for run in self.of("run") for gym in run["gyms"]}
        self.sessions: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(self.of("session"), key=lambda row: row["start_us"]):
            self.sessions[gyms[row["gym"]]].append(row)
        self.gyms = gyms
        # Who was on the machine whose power went is known to have left a minute later.
        waiting = [row["session"] for row in self.of("session")]
        eventually(lambda: all(line.get(f"/sessions/{one}")["state"] == "closed" for one in waiting), timeout_s=120)
        score = line.run("score", str(truth), "--json", "--wait", "0")
        assert score.returncode == 0, score.stderr
        self.figures: Row = json.loads(score.stdout)
        self.scores: dict[str, Row] = self.figures["scenarios"]
        self.found = {row["session"]: self._loud(line, row["session"]) for row in self.of("session")}
        self.shared = line.get("/gyms/sim-shared/machines")["items"]

    def of(self, kind: str) -> list[Row]:
        return [row for row in self.rows if row["kind"] == kind]

    def faults(self, name: str) -> set[str]:
        return {row["fault"] for row in self.of("fault") if self.gyms[row["gym"]] == name}

    def _loud(self, line: WholeLine, session: str) -> Loud:
        """Warns and alerts, but for those that the truth calls near, and those for the manager of the machine."""
        near = {row["rule"] for row in self.of("finding") if row["session"] == session and row["near"]}
        found = line.get("/findings", session=session)["items"]
        loud = {item["rule"]: item["severity"] for item in found if item["severity"] != "note"}
        return {rule: how for rule, how in loud.items() if rule not in near and not rule.startswith("machine.")}

    def loud(self, name: str) -> dict[tuple[str, Place], Loud]:
        """What people are warned of in a scenario: in which gym, at which machine, in which turn there."""
        turns: dict[tuple[str, str], int] = defaultdict(int)
        said = {}
        for row in self.sessions[name]:
            turns[row["gym"], row["machine"]] += 1
            place = int(row["machine"].removeprefix("press-")), turns[row["gym"], row["machine"]]
            if told := self.found[row["session"]]:
                said[row["gym"], place] = told
        return said


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], worker_id: str) -> Played:
    """Played once a run, whichever workers ask: the first to come plays, the others wait for what it has seen."""
    directory = tmp_path_factory.mktemp("scenarios")
    if worker_id == "master":
        return _play(directory, free_port)
    kept = tmp_path_factory.getbasetemp().parent / "scenarios-played"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_play(directory, free_port)))
        seen: Played = pickle.loads(kept.read_bytes())  # noqa: S301 - written by another worker of this run
    return seen


def _play(directory: Path, free_port: Callable[[], int]) -> Played:
    truth = directory / "truth.jsonl"
    with WholeLine(directory / "data", free_port, "--no-simulator") as line:
        done = line.run("simulate", "--all", "--speed", "5000", "--truth", str(truth), timeout_s=300)
        assert done.returncode == 0, done.stderr
        return Played(line, truth)


@pytest.mark.parametrize("name", CAST)
def test_a_scenario_shows_what_it_promises_and_nothing_else(played: Played, name: str) -> None:
    gyms = {row["gym"] for row in played.sessions[name]}
    assert {(gym, place): told for gym in gyms for place, told in CAST[name].items()} == played.loud(name)


@pytest.mark.parametrize("name", [*CAST, *CROWDS])
def test_what_is_true_is_found_and_nothing_else(played: Played, name: str) -> None:
    # What is seen through a broken encoder is judged for the machine, not for those who use it.
    of = "machine." if name == BROKEN else ""
    findings = {rule: one for rule, one in played.scores[name]["findings"].items() if rule.startswith(of)}
    shares = {rule: set(one.values()) for rule, one in findings.items()}
    assert {} == {rule: share for rule, share in shares.items() if not share <= {None, 1.0}}
    assert {None, 1.0} >= set(played.scores[name]["severities"].values()) or name == BROKEN


@pytest.mark.parametrize("name", sorted({*CAST, *CROWDS} - {BROKEN}))
def test_every_rep_is_counted_and_its_bottom_is_right_whatever_the_network_does(played: Played, name: str) -> None:
    assert min(played.scores[name]["reps"].values()) > 0.99
    assert played.scores[name]["bottom_mm"]["p95"] < 2.0
    assert played.scores[name]["turn_ms"]["p95"] < 100.0


def test_what_an_encoder_does_not_see_is_not_counted_and_nothing_is_made_up(played: Played) -> None:
    reps = played.scores[BROKEN]["reps"]
    assert 0.9 < reps["recall"] < 1.0 == reps["precision"]
    assert 0 < played.scores[BROKEN]["hidden"]
    assert min(played.figures["faultless"]["reps"].values()) >= 0.999
    assert min(played.figures["faulty"]["reps"].values()) >= 0.98


def test_what_goes_wrong_is_written_down(played: Played) -> None:
    assert {"stuck", "blind", "slip", "reboot", "drift"} <= played.faults(BROKEN)
    assert {"loss", "repeat", "disorder", "offline", "cut", "clock"} <= played.faults("bad-network")
    assert {"stuck", "blind", "slip", "reboot", "drift"} <= set(played.figures["faults"])


def test_what_happens_in_a_gym_of_a_chain_stays_there(played: Played) -> None:
    users: dict[str, set[str]] = defaultdict(set)
    for row in played.sessions["chain"]:
        users[row["gym"]].add(row["user"])
    assert [2, 2, 2, 2] == [len(of) for of in users.values()]
    assert 8 == len(set.union(*users.values()))


def test_who_never_badges_in_is_seen_by_nobody_but_the_machine_is(played: Played) -> None:
    (unbadged,) = played.of("unbadged")
    assert ("sim-shared", "press-2") == (unbadged["gym"], unbadged["machine"])
    assert {"press-1", "press-3"} == {row["machine"] for row in played.sessions["shared-badge"]}
    assert "press-2" in {machine["machine"] for machine in played.shared}
