"""`sledwatch simulate` against the whole line, and what `sledwatch score` makes of it."""

import json
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sledwatch_sim
from sledwatch_sim.testing import GymDayFactory
from waiting import eventually
from whole_line import TOKEN, WholeLine


@pytest.fixture(scope="module")
def line(tmp_path_factory, free_port):  # type: ignore[no-untyped-def]
    with WholeLine(tmp_path_factory.mktemp("simulate") / "data", free_port, "--no-simulator") as running:
        yield running


def statuses(line: WholeLine, gym: str) -> set[str]:
    """Online, offline, or both; none where the gym has not been heard of."""
    if gym not in {one["gym"] for one in line.get("/gyms")["items"]}:
        return set()
    return {machine["status"] for machine in line.get(f"/gyms/{gym}/machines")["items"]}


@pytest.fixture
def virtual_start_us() -> int:
    """Two hours ago, to the second: what is older than 30 days is refused."""
    return (int(time.time()) - 7200) * 1_000_000


def test_what_really_happened_is_written_down_and_the_sessions_are_told(
    line: WholeLine, tmp_path: Path, virtual_start_us: int, gym_day: GymDayFactory
) -> None:
    truth = tmp_path / "truth.jsonl"
    start = datetime.fromtimestamp(virtual_start_us // 1_000_000, UTC).isoformat()
    words = ("too-deep", "--speed", "5000", "--seed", "1", "--start", start, "--truth", str(truth))
    done = line.run("simulate", *words, timeout_s=300)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(row) for row in truth.read_text().splitlines()]
    assert done.stdout.split() == [row["session"] for row in rows if row["kind"] == "session"]
    assert 6 == len(done.stdout.split()) == sum(row["kind"] == "member" for row in rows)
    shown = line.run("score", str(truth))
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert max(len(one) for one in lines) <= 80
    assert any(one.split()[:4] == ["depth.excessive", "3", "3", "3"] for one in lines), shown.stdout
    # The same seed and start in virtual time are the same day, but for which machine was quicker to write.
    assert sorted(rows, key=str) == sorted(gym_day("too-deep", seed=1).truth, key=str)


@pytest.mark.parametrize("each", [1, 3], ids=["a-connection-each", "behind-gateways"])
def test_a_run_that_is_stopped_ends_its_sessions_and_says_offline(line: WholeLine, each: int) -> None:
    stop = threading.Event()
    config = sledwatch_sim.SimConfig(line.mqtt_url, line.url, TOKEN, forever=True, machines_per_connection=each)
    running = threading.Thread(target=sledwatch_sim.run, args=(config, lambda _: None, stop))
    running.start()
    eventually(lambda: any(gym["in_use"] >= 2 for gym in line.get("/gyms")["items"]), timeout_s=60)
    stop.set()
    running.join(10)
    assert not running.is_alive()
    eventually(lambda: {"offline"} == statuses(line, "riverside"))
    alerts = eventually(lambda: len(line.get("/alerts", gym="riverside")["items"]) >= 2 and line.get("/alerts"))
    assert {"depth.excessive", "workload.spike"} <= {alert["rule"] for alert in alerts["items"]}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("nowhere",), "no scenario 'nowhere'"),
        (("too-deep", "--start", "2999-01-01T00:00:00Z"), "later than now"),
        (("too-deep", "--start", "2020-01-01T00:00:00Z"), "too long ago"),
        (("too-deep", "--speed", "0"), "speed 0"),
        (("too-deep", "--machines-per-connection", "0"), "0 machines per connection: expected 1 to 1000"),
        (("too-deep", "--forever"), "only `gym`"),
        (("too-deep", "--truth", "/nowhere/t.jsonl"), "/nowhere/t.jsonl: No such file"),
    ],
)
def test_what_cannot_be_right_is_one_clear_line(line: WholeLine, words: tuple[str, ...], expected: str) -> None:
    done = line.run("simulate", *words)
    assert (2, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert expected in done.stderr


def test_ctrl_c_in_the_middle_is_no_success(line: WholeLine) -> None:
    eventually(lambda: "online" not in statuses(line, "sim-too-deep"))
    running = line.begin("simulate", "too-deep")
    eventually(lambda: "online" in statuses(line, "sim-too-deep"), timeout_s=30)
    running.send_signal(signal.SIGINT)
    printed, said = running.communicate(timeout=20)
    assert (130, "sledwatch: stopped") == (running.returncode, said.strip().splitlines()[-1])
    assert "" not in printed.splitlines()
