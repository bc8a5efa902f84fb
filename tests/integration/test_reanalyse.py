"""`sledwatch reanalyse`: what is judged in bulk is what a closing says, is told, and put in its place once."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import update

from closing_house import House, empty_state, house
from presses import DAY_US, T0_US, S, Session
from sledwatch.events import Rep
from sledwatch.rules import DEFAULT_RULES, RulesInForce
from sledwatch_analytics.bulk import analyse_partition, reanalysing, running
from sledwatch_analytics.bulk.exporting import Partition, Range, Stopped, export
from sledwatch_analytics.bulk.reanalysing import InUse, Plan, Reanalysis, Report, reanalyse
from sledwatch_analytics.bulk.running import RunFailed, RunProgress, run
from sledwatch_analytics.bulk.sampling import find_anew
from sledwatch_storage.state import alerts, schema
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.findings import list_findings
from sledwatch_storage.state.imports import ImportedSession, import_sessions
from sledwatch_storage.state.sessions import figures, reps_of

__all__ = ["empty_state", "house"]

TODAY = date(2026, 11, 22)
EVER = Range(date(2025, 1, 1), TODAY)
STEADY = range(3, 120, 3)
SILENT = Report(lambda _: None, lambda _: None, lambda _done, _of: None)


def judge_anew(house: House, directory: Path, wanted: Range = EVER, *, dry_run: bool = False) -> Reanalysis:
    plan = Plan(wanted, directory, workers=1, dask_url=None, dry_run=dry_run)
    return reanalyse(house.engine, plan, lambda: house.now_us, SILENT, threading.Event())


def found(house: House, rule: str) -> list[tuple[str | None, str]]:
    return [(one["session"], one["severity"]) for one in list_findings(house.engine, rule=rule)]


def states(house: House) -> list[str]:
    return [alert.state for alert in alerts.list_alerts(house.engine, rule="workload.spike")]


def by_rules(monkeypatch: pytest.MonkeyPatch, in_force: Callable[[str, str], RulesInForce]) -> None:
    monkeypatch.setattr(reanalysing, "_rules_for", lambda _engine: in_force)


@pytest.fixture
def spiked(house: House) -> House:
    """m-1 has trained steadily, and did far too much once, months ago; m-2 did so yesterday."""
    house.has_trained("m-1", STEADY, 10_000.0)
    house.has_trained("m-1", [61], 25_000.0)
    house.has_trained("m-2", STEADY, 10_000.0)
    house.has_trained("m-2", [1], 25_000.0)
    return house


def test_imported_sessions_get_their_findings_and_old_ones_no_letters(spiked: House, tmp_path: Path) -> None:
    judge_anew(spiked, tmp_path / "work")
    assert {("m-1-61-days-ago", "alert"), ("m-2-1-days-ago", "alert")} <= set(found(spiked, "workload.spike"))
    assert {"m-2-1-days-ago"} == {alert.session for alert in alerts.list_alerts(spiked.engine)}
    assert {"m-2"} == {letter["payload"]["user"] for letter in spiked.rows(schema.outbox)}


def test_a_second_run_changes_nothing(spiked: House, tmp_path: Path) -> None:
    first = judge_anew(spiked, tmp_path / "work")
    stands = spiked.dump()
    second = judge_anew(spiked, tmp_path / "work")
    assert first.compared.changed > 0
    assert (0, {}, 8) == (second.compared.changed, dict(second.compared.alerts), second.kept + 8 - second.partitions)
    assert stands == spiked.dump()


def test_a_dry_run_says_what_a_run_does_and_does_nothing(spiked: House, tmp_path: Path) -> None:
    before = spiked.dump()
    said = judge_anew(spiked, tmp_path / "work", dry_run=True).compared.as_json()
    assert before == spiked.dump()
    assert said == judge_anew(spiked, tmp_path / "work").compared.as_json()
    assert len(alerts.list_alerts(spiked.engine)) == said["alerts"]["raised"] > 0


def test_what_a_closing_said_stands(house: House, tmp_path: Path) -> None:
    """The same rules by the same engine: in bulk nothing else is said of the sessions that machines have sent."""
    house.has_trained("m-1", range(3, 90, 3), 1_000.0)
    seq = 0
    for days in (2, 1, 0):
        pressed = Session(session=f"s-{days}", start_us=T0_US - days * DAY_US, seq=seq).set_of([400.0] * 8)
        seq += len(pressed.events())
        house.arrive(pressed.events(), pressed.now_us + 120 * S)
        house.closer.run_once()
    closed = list_findings(house.engine)
    assert {"workload.spike", "workload.spacing"} <= {one["rule"] for one in closed}
    compared = judge_anew(house, tmp_path / "work", Range(TODAY - timedelta(days=2), TODAY)).compared
    assert (3, 0, 0, 0) == (compared.sessions, compared.changed, compared.recounted, compared.differing)
    assert closed == list_findings(house.engine)


def test_only_the_range_and_the_gym_are_judged(spiked: House, tmp_path: Path) -> None:
    day = TODAY - timedelta(days=61)
    one_day = judge_anew(spiked, tmp_path / "work", Range(day, day))
    assert 1 == one_day.compared.sessions
    assert [("m-1-61-days-ago", "alert")] == found(spiked, "workload.spike")
    assert 0 == judge_anew(spiked, tmp_path / "work", Range(day, day, gym="south")).compared.sessions


def test_other_rules_withdraw_an_alert_and_the_old_ones_bring_it_back(
    spiked: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_anew(spiked, tmp_path / "work")
    letters = len(spiked.rows(schema.outbox))
    lenient = RulesInForce(DEFAULT_RULES.changed({"spike_warn": 5.0, "spike_alert": 6.0, "spike_alert_joined": 6.0}), 7)
    by_rules(monkeypatch, lambda _gym, _user: lenient)
    compared = judge_anew(spiked, tmp_path / "work").compared
    assert 1 == compared.alerts["withdrawn"]
    assert ["resolved"] == states(spiked)
    assert {"note"} == {severity for _, severity in found(spiked, "workload.spike")}
    [frozen] = {str(row["frozen"]) for row in spiked.rows(schema.session)}
    assert "'rules_version': 7" in frozen

    by_rules(monkeypatch, lambda _gym, _user: RulesInForce())
    judge_anew(spiked, tmp_path / "work")
    assert ["open"] == states(spiked)
    assert letters + 1 >= len(spiked.rows(schema.outbox))


def test_a_session_closed_meanwhile_is_left_as_it_is(
    spiked: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_while_closing(*given: object) -> list[Path]:
        of_session = schema.session.c.session == "m-1-61-days-ago"
        with begin(spiked.engine) as connection:
            connection.execute(update(schema.session).where(of_session).values(closed_version=9))
        return run(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(reanalysing, "run", run_while_closing)
    compared = judge_anew(spiked, tmp_path / "work").compared
    assert 1 == compared.left
    assert [("m-2-1-days-ago", "alert")] == found(spiked, "workload.spike")


def test_finished_partitions_are_kept_and_only_a_changed_one_is_done_again(spiked: House, tmp_path: Path) -> None:
    exported = exported_from(spiked, tmp_path / "export")
    stop, results = threading.Event(), tmp_path / "judged"

    def after_the_first(now: RunProgress) -> None:
        if now.done == 1:
            stop.set()

    with pytest.raises(Stopped):
        run(exported, results, 1, None, after_the_first, stop)
    assert 1 == len(list(results.iterdir()))
    told: list[RunProgress] = []
    run(exported, results, 1, None, told.append, threading.Event())
    assert (1, 2) == (told[-1].kept, told[-1].done)

    spiked.has_trained("m-2", [2], 9_000.0)
    run(exported_from(spiked, tmp_path / "export"), results, 1, None, told.append, threading.Event())
    assert (1, 2) == (told[-1].kept, told[-1].done)


def test_two_reanalyses_do_not_work_in_one_directory(spiked: House, tmp_path: Path) -> None:
    def while_it_runs(_now: RunProgress) -> None:
        with pytest.raises(InUse, match="--work-dir"):
            judge_anew(spiked, tmp_path / "work")

    plan = Plan(EVER, tmp_path / "work", workers=1, dask_url=None, dry_run=True)
    report = Report(lambda _: None, while_it_runs, lambda _done, _of: None)
    assert 2 == reanalyse(spiked.engine, plan, lambda: T0_US, report, threading.Event()).members


def test_a_gym_that_nobody_knows_is_wrong_use(empty_state: Path, tmp_path: Path) -> None:
    """A mistyped name would else read as a gym in which all is well."""
    shutil.copyfile(empty_state, tmp_path / "state.db")
    words = ["reanalyse", "--data", str(tmp_path), "--from", "2026-01-01", "--to", "2026-02-01", "--gym", "nowhere"]
    command = [sys.executable, "-m", "sledwatch_app", *words]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (2, "sledwatch: --gym nowhere: no such gym: none of its machines was ever seen\n") == (
        ended.returncode,
        ended.stderr,
    )


def test_a_pool_and_a_cluster_of_two_workers_write_the_same_bytes(spiked: House, tmp_path: Path) -> None:
    from distributed import LocalCluster

    exported = exported_from(spiked, tmp_path / "export")

    def results(name: str, workers: int, url: str | None = None) -> dict[str, bytes]:
        paths = run(exported, tmp_path / name, workers, url, lambda _: None, threading.Event())
        return {path.name: path.read_bytes() for path in paths}

    alone = results("alone", 1)
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        assert alone == results("cluster", 1, cluster.scheduler_address)
    assert alone == results("pool", 2)
    assert 2 == len(alone)


def test_a_cluster_that_is_not_there_is_told_before_anything_is_done(
    spiked: House, tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_CONNECT_S", 0.2)
    plan = Plan(EVER, tmp_path / "work", 1, f"tcp://127.0.0.1:{free_port()}", dry_run=True)
    with pytest.raises(RunFailed, match="no Dask scheduler at tcp"):
        reanalyse(spiked.engine, plan, lambda: T0_US, SILENT, threading.Event())
    assert [] == list((tmp_path / "work").iterdir())


def test_rules_of_a_gym_hold_for_the_sessions_there(house: House, tmp_path: Path) -> None:
    """Somebody trains in two gyms: each session is judged by the rules of its own."""
    house.has_trained("m-1", range(2, 100, 2), 10_000.0)
    house.has_trained("m-1", [25, 61], 12_000.0)
    with begin(house.engine) as connection:
        connection.execute(
            update(schema.session).where(schema.session.c.session == "m-1-25-days-ago").values(gym="south")
        )
    lenient = RulesInForce(DEFAULT_RULES.changed({"spike_note": 1.25}), 3)
    [exported] = exported_from(
        house, tmp_path / "export", lambda gym, _user: lenient if gym == "south" else RulesInForce()
    )
    judged = analysed(exported)
    spikes = judged[judged["findings"].str.contains("workload.spike", na=False)]["session"]
    assert ["m-1-61-days-ago"] == spikes.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_figures_in_bulk_are_those_of_each_session(house: House, tmp_path: Path, seed: int) -> None:
    """Reps of every kind, unsure ones and ones without velocity: what a closing adds up, all sessions at once."""
    random = np.random.default_rng(seed)
    sessions = [imported_of(random, number) for number in range(25)]
    import_sessions(house.engine, sessions, T0_US)
    strong = {one.session: 150.0 for one in sessions[::2]}
    with begin(house.engine) as connection:
        of_strong = schema.session.c.session.in_(strong)
        connection.execute(update(schema.session).where(of_strong).values(strength={"e1rm_kg": 150.0}))
    expected = {one.session: figures(one.reps, strong.get(one.session)) for one in sessions}
    assert {0, 1, 2} <= {of_session["hard_sets"] for of_session in expected.values()}
    exported = exported_from(house, tmp_path / "export")
    rows = {row["session"]: row for one in exported for row in analysed(one).to_dict("records")}
    assert all(row["agrees"] for row in rows.values())
    for session, of_session in expected.items():
        assert of_session == {name: rows[session][name] for name in of_session}


def test_sessions_whose_samples_say_otherwise_are_closed_again(house: House, tmp_path: Path) -> None:
    """A rep was altered where it is stored: found anew in the samples, it differs, and the closing sets it right."""
    for number in range(2):
        start_us = T0_US + number * 600 * S
        pressed = Session(session=f"s-{number}", user=f"m-{number}", start_us=start_us, boot=f"b-{number}")
        house.arrive(pressed.set_of([400.0, 410.0, 405.0]).events(), pressed.now_us + 120 * S)
        house.closer.run_once()
    closed = reps_of(house.engine, "s-1")
    with begin(house.engine) as connection:
        of_rep = (schema.rep.c.session == "s-1") & (schema.rep.c.rep == 2)
        connection.execute(update(schema.rep).where(of_rep).values(depth_mm=schema.rep.c.depth_mm - 25.0))

    plan = Plan(EVER, tmp_path / "work", workers=1, dask_url=None, dry_run=True)
    found = find_anew(house.engine, house.series, plan, lambda: house.now_us, SILENT, threading.Event())
    assert (2, 0, ["s-1"]) == (found.sessions, found.without_samples, [one.session for one in found.differing])
    assert pytest.approx(25.0) == found.differing[0].off_mm
    assert [] == house.new_closer().run_once()

    plan = replace(plan, dry_run=False)
    find_anew(house.engine, house.series, plan, lambda: house.now_us, SILENT, threading.Event())
    assert ["s-1"] == house.new_closer().run_once()
    assert closed == reps_of(house.engine, "s-1")


def imported_of(random: np.random.Generator, number: int) -> ImportedSession:
    """A session of up to four sets, of which some have velocities, with sure reps and unsure ones."""
    start_us, session, reps = T0_US - (number + 1) * DAY_US, f"h-{number}", list[Rep]()
    for in_set in range(1, int(random.integers(1, 5))):
        measured = random.random() < 0.5
        for _ in range(int(random.integers(1, 12))):
            at_us = start_us + len(reps) * 4 * S
            reps.append(
                Rep(
                    session=session, user=f"m-{number % 3}", gym="north", machine="press-1", set=in_set,
                    rep=len(reps) + 1, t_start_us=at_us, t_turn_us=at_us + S, t_end_us=at_us + 2 * S,
                    load_kg=round(60.0 + 80.0 * random.random(), 1), depth_mm=380.0, rom_mm=360.0, eccentric_s=1.0,
                    concentric_s=1.0, work_j=1_000.0 * random.random(),
                    velocity_loss_pct=40.0 * random.random() if measured and random.random() < 0.8 else None,
                    quality="ok" if random.random() < 0.8 else "unsure",
                )
            )  # fmt: skip
    return ImportedSession(session, f"m-{number % 3}", "north", "press-1", start_us, start_us + 3_600 * S, tuple(reps))


def exported_from(
    house: House, directory: Path, rules_for: Callable[[str, str], RulesInForce] = lambda _gym, _user: RulesInForce()
) -> Sequence[Partition]:
    return export(house.engine, EVER, directory, 8, rules_for, lambda _: None, threading.Event())


def analysed(partition: Partition) -> pd.DataFrame:
    frame = pq.read_table(partition.path).to_pandas(types_mapper=pd.ArrowDtype)
    return analyse_partition(frame)
