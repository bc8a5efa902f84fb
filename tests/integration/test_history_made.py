"""A history as files: the same bytes each time, whole or not at all."""

import json
import re
import resource
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sledwatch_app.replay import read
from sledwatch_sim.history.lives import life
from sledwatch_sim.history.making import (
    HistoryConfig,
    HistoryError,
    Progress,
    Stopped,
    WrongHistory,
    make_history,
)
from sledwatch_sim.history.tables import user_hash

START_US = 1_763_769_600_000_000  # 2025-11-22, midnight UTC
DAY_US = 86_400_000_000


def config(out: Path, **changes: object) -> HistoryConfig:
    return replace(HistoryConfig(out, members=12, days=60, start_us=START_US, seed=3, samples=0.05), **changes)


def make(wanted: HistoryConfig) -> Progress:
    return make_history(wanted, lambda _: None, threading.Event())


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("history") / "years"
    make(config(out))
    return out


def test_the_same_seed_and_start_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    make(config(tmp_path / "again"))
    assert contents(made) == contents(tmp_path / "again")
    make(config(tmp_path / "other", seed=4))
    assert contents(made) != contents(tmp_path / "other")


def test_a_member_does_not_depend_on_how_many_others_there_are(made: Path, tmp_path: Path) -> None:
    make(config(tmp_path / "fewer", members=4))
    few, all_of_them = (pq.read_table(directory / "reps").to_pylist() for directory in (tmp_path / "fewer", made))
    users = {row["user"] for row in few}
    assert 4 == len(users)
    assert few == [row for row in all_of_them if row["user"] in users]


def test_how_many_traces_there_are_changes_nothing_else(made: Path, tmp_path: Path) -> None:
    make(config(tmp_path / "none", samples=0.0))
    assert not (tmp_path / "none" / "samples").exists()
    reps = {name for name in contents(made) if name.startswith("reps/")}
    assert {name: contents(made)[name] for name in reps} == {name: contents(tmp_path / "none")[name] for name in reps}


def test_each_member_lies_in_the_partition_of_their_hash(made: Path) -> None:
    for path in sorted(made.glob("*/user_hash=*/*.parquet")):
        users = set(pq.read_table(path)["user"].to_pylist())
        assert {path.parent.name} == {f"user_hash={user_hash(user):02d}" for user in users}


def test_who_never_badges_in_is_in_the_samples_only(tmp_path: Path) -> None:
    seed = next(seed for seed in range(1_000) if not life(seed, 0, 1, START_US, 60).badged)
    make(config(tmp_path / "years", members=2, seed=seed, samples=0.5))
    for kind in ("members.parquet", "sessions", "reps"):
        assert {f"h{seed}-00001"} == set(pq.read_table(tmp_path / "years" / kind)["user"].to_pylist())
    samples = pq.read_table(tmp_path / "years" / "samples").to_pylist()
    assert any(row["user"] is None and row["session"] is None for row in samples)
    lines = [json.loads(line) for line in (tmp_path / "years" / "truth.ndjson").read_text().splitlines()]
    unbadged = [line for line in lines if line["kind"] == "unbadged"]
    assert len(unbadged) > 0
    assert sum(line["reps"] for line in unbadged) == sum(
        line["kind"] == "rep" and line["session"] is None for line in lines
    )


def test_sessions_reps_samples_and_manifest_agree(made: Path) -> None:
    rows = json.loads((made / "manifest.json").read_text())["rows"]
    sessions, reps = (pq.read_table(made / kind) for kind in ("sessions", "reps"))
    samples = pq.read_table(made / "samples")
    assert rows["sessions"] == sessions.num_rows == len(set(sessions["session"].to_pylist()))
    assert rows["reps"] == reps.num_rows == sum(sessions["reps"].to_pylist())
    assert rows["samples"] == sum(len(frame) for frame in samples["depth_mm"].to_pylist())
    sampled = sessions.filter(sessions["sampled"])["session"].to_pylist()
    assert set(sampled) == set(samples["session"].to_pylist())
    assert len(sampled) > 0
    work = {row["session"]: row["work_j"] for row in sessions.to_pylist()}
    summed: dict[str, float] = dict.fromkeys(work, 0.0)
    for row in reps.select(["session", "work_j"]).to_pylist():
        summed[row["session"]] += row["work_j"]
    assert summed == pytest.approx(work, abs=5.0)


def test_the_truth_of_sampled_sessions_reads_as_that_of_a_live_run(made: Path) -> None:
    lines = [json.loads(line) for line in (made / "truth.ndjson").read_text().splitlines()]
    sessions = pq.read_table(made / "sessions")
    assert {"run", "member", "session", "rep"} <= {line["kind"] for line in lines}
    sampled = sessions.filter(sessions["sampled"])
    told = {line["session"]: line for line in lines if line["kind"] == "session"}
    assert set(told) == set(sampled["session"].to_pylist())
    assert {row["session"]: row["work_j"] for row in sampled.to_pylist()} == {
        name: line["work_j"] for name, line in told.items()
    }


def test_pain_is_noted_where_the_truth_tells_it_and_its_finding_foretold(tmp_path: Path) -> None:
    out = tmp_path / "years"
    # Somebody who feels their back, in a year with a phase of going too deep.
    make(HistoryConfig(out, members=1, days=365, start_us=START_US - 365 * DAY_US, seed=92, samples=0.05))
    notes = pq.read_table(out / "notes.parquet").to_pylist()
    lines = [json.loads(line) for line in (out / "truth.ndjson").read_text().splitlines()]
    told = {(line["user"], line["session"], line["at_us"]) for line in lines if line["kind"] == "pain"}
    assert told == {(row["user"], row["session"], round(row["at"].timestamp() * 1e6)) for row in notes}
    found = [row for row in pq.read_table(out / "findings.parquet").to_pylist() if row["rule"] == "pain.reported"]
    assert {row["session"] for row in notes} == {row["session"] for row in found}
    assert len(notes) == json.loads((out / "manifest.json").read_text())["rows"]["notes"] > 0


def test_what_is_there_is_not_overwritten_unasked(made: Path, tmp_path: Path) -> None:
    before = contents(made)
    with pytest.raises(WrongHistory, match="--force replaces it"):
        make(config(made))
    assert before == contents(made)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to-ada.txt").write_text("Dear Ada")
    for force in (False, True):
        with pytest.raises(WrongHistory, match="not empty, and holds no history"):
            make(config(tmp_path / "letters", force=force))
    assert ["to-ada.txt"] == [path.name for path in (tmp_path / "letters").iterdir()]


def test_a_history_gives_way_to_a_new_one_when_forced(tmp_path: Path) -> None:
    out = tmp_path / "years"
    out.mkdir()
    make(config(out, members=2))
    make(config(out, members=3, force=True))
    assert 3 == pq.read_table(out / "members.parquet").num_rows
    assert [out] == list(tmp_path.iterdir())


def test_who_stops_it_finds_nothing_half_done(tmp_path: Path) -> None:
    stop = threading.Event()
    with pytest.raises(Stopped):
        make_history(config(tmp_path / "years", members=100), lambda _: stop.set(), stop)
    assert [] == list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_no_hindrance(made: Path, tmp_path: Path) -> None:
    (tmp_path / ".years.partial" / "reps").mkdir(parents=True)
    (tmp_path / ".years.partial" / "reps" / "half").write_text("PAR1")
    make(config(tmp_path / "years"))
    assert contents(made) == contents(tmp_path / "years")


def test_two_runs_do_not_write_one_directory(tmp_path: Path) -> None:
    told: list[str] = []

    def second(_: Progress) -> None:
        with pytest.raises(WrongHistory, match="another run") as refused:
            make(config(tmp_path / "years"))
        told.append(str(refused.value))

    make_history(config(tmp_path / "years"), second, threading.Event())
    assert told
    assert (tmp_path / "years" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"members": 0}, "--members 0: expected 1 to 99999"),
        ({"days": 0}, "--days 0"),
        ({"samples": 1.5}, "--samples 1.5"),
        ({"samples": float("nan")}, "--samples nan"),
        ({"gyms": 0}, "--gyms 0"),
        ({"seed": -1}, "--seed -1"),
        ({"start_us": -1}, "1970"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(WrongHistory, match=words):
        make(config(tmp_path / "years", **changes))
    assert [] == list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoryError, match="file"):
        make(config(tmp_path / "file" / "years"))


def run(*words: str, file_limit: int | None = None) -> "subprocess.CompletedProcess[str]":
    def limit() -> None:
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    command = [sys.executable, "-m", "sledwatch_app", "history", "--members", "3", "--days", "30", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit)


def test_a_full_disk_is_told_and_nothing_is_left_behind(tmp_path: Path) -> None:
    done = run("--out", str(tmp_path / "years"), file_limit=10_000)
    assert 1 == done.returncode
    assert "File too large" in done.stderr
    assert "nothing was left behind" in done.stderr
    assert 1 == len(done.stderr.splitlines())
    assert [] == list(tmp_path.iterdir())


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    done = run("--out", str(tmp_path / "years"), "--until", "2026-01-01", "--samples", "0.1")
    assert 0 == done.returncode, done.stderr
    manifest = json.loads((tmp_path / "years" / "manifest.json").read_text())
    assert ("2025-12-02", 3) == (manifest["start"], manifest["members"])
    assert f"3 members, {manifest['rows']['sessions']} sessions" in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--start", "2025-01-01", "--until", "2025-02-01"), "one of the two"),
        (("--start", "yesterday"), "expected a day such as"),
        (("--until", "2999-01-01"), "expected days that are over"),
    ],
)
def test_wrong_dates_are_wrong_use(tmp_path: Path, words: tuple[str, ...], expected: str) -> None:
    done = run("--out", str(tmp_path / "years"), *words)
    assert (2, True) == (done.returncode, expected in done.stderr)


def test_a_trace_is_a_recording_for_replay_as_the_documents_say(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Path(__file__).parents[2] / "docs" / "history.md"
    (snippet,) = re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "years").symlink_to(made)
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, document.name, "exec"), {})  # noqa: S102 - it is our own document that is tried
    first = pq.read_table(made / "samples")["session"][0].as_py()
    frames = [row for row in pq.read_table(made / "samples").to_pylist() if row["session"] == first]
    recording = read(tmp_path / "trace.csv")
    assert sum(len(frame["depth_mm"]) for frame in frames) == len(recording.t_us)
    assert [20_000] == list({int(step) for step in np.diff(recording.t_us)})
