"""The ledger: what a batch changes, and what machines are told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sledwatch.events import (
    Event,
    Frame,
    Held,
    Offline,
    Online,
    Payload,
    Reason,
    Refusal,
    SessionEnd,
    SessionSetup,
    SessionStart,
    Setup,
    StoredBoot,
)
from sledwatch_storage.state import clocks, ledger, machine_events, quarantine, schema
from sledwatch_storage.state.engine import begin, migrate, open_state
from sledwatch_storage.state.ledger import Arrived, Recorded, Refused, record, settled, watermark

NOW_US = 1_795_330_800_000_000
SECOND_US = 1_000_000
SETUP = Setup(backrest_deg=30.0, notch=4, foot_row=2)


class Floor:
    """A ledger, fed with what one machine sends; the clock is one second later at each batch."""

    def __init__(self, url: str) -> None:
        migrate(url)
        self.engine = open_state(url)
        self.now_us = NOW_US

    def receives(self, *payloads: Payload, refused: tuple[Refused, ...] = (), **how: Any) -> Recorded:
        self.now_us += SECOND_US
        arrived = [Arrived(Event("north", "press-1", payload), self.now_us, **how) for payload in payloads]
        return record(self.engine, arrived, refused, self.now_us)

    def row(self, table: str, **key: Any) -> dict[str, Any]:
        query = select(schema.metadata.tables[table]).filter_by(**key)
        with self.engine.connect() as connection:
            return dict(connection.execute(query).mappings().one())

    def session(self, name: str = "s1") -> dict[str, Any]:
        return self.row("session_log", session=name)

    def account(self, boot: str = "b1") -> dict[str, Any]:
        return self.row("ledger", boot=boot)

    def told(self) -> tuple[StoredBoot, ...]:
        return watermark(self.engine, "north", "press-1").boots


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    return Floor(f"sqlite:///{tmp_path / 'state.db'}")


def online(boot: str = "b1", **more: Any) -> Online:
    return Online(boot=boot, kind="incline", rail_deg=45.0, backrest_deg=30.0, travel_mm=620.0, rate_hz=50.0, **more)


def start(seq: int, session: str = "s1", boot: str = "b1") -> SessionStart:
    return SessionStart(boot=boot, seq=seq, session=session, user="m-1", t_us=at(seq), setup=SETUP)


def change(seq: int, notch: int) -> SessionSetup:
    setup = Setup(backrest_deg=30.0, notch=notch, foot_row=2)
    return SessionSetup(boot="b1", seq=seq, session="s1", t_us=at(seq), setup=setup)


def frame(seq: int, session: str | None = "s1", boot: str = "b1") -> Frame:
    return Frame(boot=boot, seq=seq, t_us=at(seq), dt_us=20_000, depth_mm=[1.0] * 50, load_kg=1.0, session=session)


def end(seq: int, session: str = "s1", boot: str = "b1") -> SessionEnd:
    return SessionEnd(boot=boot, seq=seq, session=session, t_us=at(seq), reason="badge_out")


def at(seq: int) -> int:
    """Event time of a number: buffered data, an hour older than its arrival."""
    return NOW_US - 3600 * SECOND_US + seq * SECOND_US


def bad(seq: int | None, boot: str | None = "b1", payload: bytes = b"{}") -> Refused:
    refusal = Refusal(Reason.LOAD_OUT_OF_RANGE, "too heavy", "north", "press-1", boot, seq)
    return Refused(NOW_US, "sledwatch/v1/north/press-1/frame", payload, refusal)


# Gyms and machines


def test_a_gym_and_a_machine_appear_at_first_sight(floor):
    record(floor.engine, [Arrived(Event("north", "press-1", frame(0)), NOW_US)], [], NOW_US, time_zone="Europe/Oslo")
    gym, machine = floor.row("gym"), floor.row("machine")
    assert ("north", "Europe/Oslo", NOW_US) == (gym["gym"], gym["time_zone"], gym["created_us"])
    assert ("press-1", None, NOW_US) == (machine["machine"], machine["status"], machine["seen_us"])


def test_what_a_gym_is_called_stays(floor):
    floor.receives(online())
    with begin(floor.engine) as connection:
        connection.execute(schema.gym.update().values(name="North", time_zone="Asia/Tokyo"))
    record(floor.engine, [Arrived(Event("north", "press-2", frame(0)), NOW_US)], [], NOW_US)
    assert ("North", "Asia/Tokyo") == (floor.row("gym")["name"], floor.row("gym")["time_zone"])


def test_the_birth_certificate_is_kept_whole_and_outlives_the_will(floor):
    floor.receives(online(model="LP-45"))
    floor.receives(Offline(boot="b1"))
    machine = floor.row("machine")
    assert ("b1", "offline", "LP-45") == (machine["boot"], machine["status"], machine["online"]["model"])
    assert floor.now_us == machine["status_us"]


def test_a_late_will_of_an_earlier_boot_does_not_switch_the_machine_off(floor):
    floor.receives(online("b1"))
    floor.receives(online("b2"), Offline(boot="b1"))
    assert ("b2", "online") == (floor.row("machine")["boot"], floor.row("machine")["status"])


def test_a_state_that_the_broker_kept_is_no_sign_of_life(floor):
    floor.receives(online())
    before = floor.row("machine")
    floor.receives(online(), retained=True)
    assert before == floor.row("machine")


# Numbers


def test_numbers_are_merged_into_ranges(floor):
    floor.receives(*(frame(seq) for seq in (0, 1, 4, 2, 6)))
    assert [[0, 2], [4, 4], [6, 6]] == floor.account()["ranges"]


def test_the_account_says_how_they_came(floor):
    floor.receives(frame(0), frame(2))
    floor.receives(frame(1), frame(2), refused=(bad(3),))
    account = floor.account()
    assert {"received": 4, "repeated": 1, "disordered": 1, "refused": 1, "out_of_range": 0} == {
        name: account[name] for name in ("received", "repeated", "disordered", "refused", "out_of_range")
    }


def test_samples_out_of_range_are_counted_once(floor):
    event = Event("north", "press-1", frame(0), out_of_range=3)
    for _ in range(2):
        record(floor.engine, [Arrived(event, NOW_US)], [], NOW_US)
    assert floor.account()["out_of_range"] == 3


def test_recording_a_batch_again_only_counts_repeats(floor):
    """Killed between the ledger and the acknowledgement, ingest is given the same messages once more."""
    batch = (online(), start(0), frame(1), change(2, 5), frame(3), end(4))
    floor.receives(*batch)
    before = floor.session(), floor.account(), floor.told()
    again = floor.receives(*batch)
    account = floor.account()
    assert 5 == again.repeated == account["repeated"]
    changed = {"received": account["received"], "repeated": 5, "updated_us": floor.now_us}
    assert (before[0], before[1] | changed, before[2]) == (floor.session(), account, floor.told())


def test_a_message_twice_in_a_batch_is_a_repeat(floor):
    assert floor.receives(frame(0), frame(0)).repeated == 1


def test_a_session_event_that_the_broker_kept_is_no_repeat(floor):
    floor.receives(start(0))
    assert floor.receives(start(0), retained=True).repeated == 0
    assert (1, 0) == (floor.account()["received"], floor.account()["repeated"])


def test_a_session_event_that_the_broker_kept_may_be_news(floor):
    floor.receives(start(0), retained=True)
    assert "m-1" == floor.session()["user"]


def test_a_machine_that_sends_again_has_missed_its_watermark(floor):
    floor.receives(frame(0))
    assert frozenset({("north", "press-1")}) == floor.receives(frame(0)).moved


def test_a_machine_that_connects_wants_its_watermark(floor):
    assert frozenset({("north", "press-1")}) == floor.receives(online()).moved


def test_a_will_moves_nothing(floor):
    assert frozenset() == floor.receives(Offline(boot="b1")).moved


# What is settled without being stored


def test_a_refused_number_is_settled(floor):
    recorded = floor.receives(online(), frame(0), frame(2), refused=(bad(1),))
    assert frozenset({("north", "press-1")}) == recorded.moved
    assert (StoredBoot("b1", 2),) == floor.told()


def test_a_refused_number_that_is_accepted_later_is_news(floor):
    """A replay from quarantine after a fix must reach its session."""
    floor.receives(start(0), refused=(bad(1),))
    version = floor.session()["version"]
    assert floor.receives(frame(1)).repeated == 0
    assert version + 1 == floor.session()["version"]
    assert [(0, 1)] == settled(floor.engine, "north", "press-1", "b1")


def test_a_refused_message_without_a_number_settles_nothing(floor):
    assert frozenset() == floor.receives(refused=(bad(None), bad(None, boot=None))).moved
    assert [] == settled(floor.engine, "north", "press-1", "b1")


def test_what_is_missing_below_the_oldest_number_is_settled(floor):
    floor.receives(online(), *(frame(seq) for seq in (0, 1, 5, 9)))
    floor.receives(online(oldest_seq=5))
    assert (StoredBoot("b1", 9, ((6, 8),)),) == floor.told()
    assert [(0, 5), (9, 9)] == settled(floor.engine, "north", "press-1", "b1")


def test_the_oldest_number_never_falls(floor):
    floor.receives(online(oldest_seq=5))
    floor.receives(online(oldest_seq=3))
    assert (StoredBoot("b1", 4),) == floor.told()


def test_what_was_given_up_and_comes_after_all_is_news(floor):
    floor.receives(online(oldest_seq=5))
    floor.receives(start(0), frame(1))
    assert ([[0, 1]], 0) == (floor.account()["ranges"], floor.account()["disordered"])
    assert "m-1" == floor.session()["user"]


def test_what_a_machine_holds_no_more_of_an_earlier_boot_is_settled(floor):
    """It has started anew, and its memory has dropped the oldest meanwhile."""
    floor.receives(online("b1"), frame(0), frame(9))
    floor.receives(online("b2", held=(Held("b1", 12, 14), Held("b1", 5, 8))))
    assert (StoredBoot("b2", -1), StoredBoot("b1", 9, ((5, 8),))) == floor.told()
    assert (4, 4) == (floor.account("b1")["missing"], floor.account("b1")["lost"])


def test_what_never_came_of_an_earlier_boot_is_final_once_the_machine_lets_go_of_it(floor):
    """It asked for it three times in vain; or all that is left of it has been stored."""
    floor.receives(online("b1"), frame(0), frame(9))
    floor.receives(online("b2", held=(Held("b1", 0, 8),)))
    floor.receives(online("b2"))
    assert (StoredBoot("b2", -1),) == floor.told()
    assert (0, 8) == (floor.account("b1")["missing"], floor.account("b1")["lost"])


def test_somebody_who_stands_in_for_a_machine_lets_go_of_nothing(floor):
    """A replay comes with a boot of its own, and knows nothing of what the machine holds."""
    floor.receives(online("b1"), frame(0), frame(9))
    floor.receives(online("replay"))
    assert (8, 0) == (floor.account("b1")["missing"], floor.account("b1")["lost"])


def test_a_long_list_of_held_boots_does_not_fill_the_ledger(floor):
    floor.receives(online("b2", held=tuple(Held(f"old{n}", 1, 9) for n in range(100))))
    floor.receives(online("b2"))
    with floor.engine.connect() as connection:
        assert 9 == len(connection.execute(select(schema.ledger)).all())


def test_what_was_refused_and_is_stored_already_stays_stored(floor):
    floor.receives(frame(1), refused=(bad(1),))
    assert ([[1, 1]], [], 1) == tuple(floor.account()[name] for name in ("ranges", "refused_ranges", "refused"))


def test_the_account_counts_what_is_stored_missing_and_lost(floor):
    floor.receives(online(), *(frame(seq) for seq in (0, 1, 5, 9)), refused=(bad(7),))
    floor.receives(online(oldest_seq=4))
    assert (4, 3, 2) == tuple(floor.account()[name] for name in ("stored", "missing", "lost"))
    floor.receives(frame(3), frame(6))
    assert (6, 2, 1) == tuple(floor.account()[name] for name in ("stored", "missing", "lost"))


# What befalls a machine


def befell(floor: Floor) -> list[tuple[str, str, Any]]:
    """Kind, boot and detail, in order."""
    found = machine_events.listing(floor.engine, "north", "press-1", limit=10_000)
    return [(one.happened.kind, one.happened.boot, one.happened.detail) for one in reversed(found)]


def test_coming_and_going_is_on_record(floor):
    floor.receives(online("b1"))
    floor.receives(online("b1"), frame(0))
    floor.receives(Offline(boot="b1"), Offline(boot="b1"))
    floor.receives(online("b2"))
    expected = [("online", "b1", None), ("offline", "b1", None), ("online", "b2", {"after": "b1"})]
    assert expected == befell(floor)


def test_numbers_that_are_lost_for_good_are_on_record_once(floor):
    floor.receives(online(), *(frame(seq) for seq in (0, 1, 5)), refused=(bad(3),))
    for _ in range(2):
        floor.receives(online(oldest_seq=5))
    floor.receives(online(oldest_seq=8))
    gaps = [detail for kind, _, detail in befell(floor) if kind == "gap"]
    assert [{"ranges": [[2, 2], [4, 4]], "lost": 2}, {"ranges": [[6, 7]], "lost": 2}] == gaps


def test_a_gap_of_many_pieces_names_the_first_and_counts_all(floor):
    floor.receives(online(), *(frame(seq) for seq in range(1, 400, 2)))
    floor.receives(online(oldest_seq=400))
    (*_, (_, _, detail)) = befell(floor)
    assert (machine_events.MOST_RANGES, 200) == (len(detail["ranges"]), detail["lost"])


def test_what_is_delivered_twice_befell_once(floor):
    batch = (online("b1"), frame(0), online("b1", oldest_seq=4), online("b2"))
    for _ in range(2):
        floor.receives(*batch)
    assert ["online", "gap", "online"] == [kind for kind, _, _ in befell(floor)]


def test_a_machine_that_flaps_does_not_fill_the_record(floor):
    most = machine_events.MOST_PER_MACHINE
    floor.receives(*(state for _ in range(most) for state in (online(), Offline(boot="b1"))))
    record(floor.engine, [Arrived(Event("north", "press-2", online()), NOW_US)], [], NOW_US)
    assert most == len(befell(floor))
    assert 1 == len(machine_events.listing(floor.engine, "north", "press-2"))


def test_what_befell_long_ago_is_purged(floor):
    floor.receives(online())
    floor.now_us += machine_events.KEPT_US
    floor.receives(Offline(boot="b1"))
    assert [1, 0] == [machine_events.purge(floor.engine, floor.now_us) for _ in range(2)]
    assert ["offline"] == [kind for kind, _, _ in befell(floor)]


# The machine's clock


def test_a_clock_is_estimated_from_the_frames_of_the_boot_that_lives(floor):
    floor.receives(online("b1"), frame(0))
    floor.receives(online("b2"), frame(0, boot="b2"), frame(3, boot="b1"))
    # Frame 0 ended an hour but a second before the first batch, frame 3 of the earlier boot later than that.
    assert [at(1) - NOW_US - SECOND_US, at(1) - NOW_US - 2 * SECOND_US] == [
        clocks.offset_us(floor.account(boot)["clock"]) for boot in ("b1", "b2")
    ]


def test_a_state_tells_the_clock_before_any_live_frame_does(floor):
    floor.receives(online(t_us=floor.now_us + 4 * SECOND_US), frame(0))
    assert 3 * SECOND_US == clocks.offset_us(floor.account()["clock"])


def test_a_retained_state_says_nothing_of_the_clock(floor):
    floor.receives(online(t_us=floor.now_us), retained=True)
    assert floor.account()["clock"] is None


def test_a_repeat_says_nothing_of_the_clock(floor):
    floor.receives(online(), frame(0), frame(5))
    before = floor.account()["clock"]
    floor.receives(frame(5))
    assert before == floor.account()["clock"]


# Sessions


def test_a_session_is_followed_from_start_to_end(floor):
    floor.receives(start(10), frame(11), frame(12))
    floor.receives(change(13, 5), frame(14), end(15))
    session = floor.session()
    expected = {
        "user": "m-1", "boot": "b1", "start_seq": 10, "start_us": at(10), "first_us": at(11), "last_us": at(15),
        "end_seq": 15, "end_us": at(15), "end_reason": "badge_out", "ended_arrival_us": floor.now_us,
        "arrival_us": floor.now_us, "version": 2,
    }  # fmt: skip
    assert expected == {name: session[name] for name in expected}
    assert [(at(10), 4), (at(13), 5)] == [(t_us, setup["notch"]) for t_us, setup in session["setups"]]


def test_a_session_may_come_in_any_order(floor):
    floor.receives(end(5))
    floor.receives(frame(4), change(3, 5))
    floor.receives(frame(2), start(1))
    late, floor_2 = floor.session(), floor.now_us
    assert (1, 5, at(2), at(5), "badge_out") == tuple(
        late[name] for name in ("start_seq", "end_seq", "first_us", "last_us", "end_reason")
    )
    assert [4, 5] == [setup["notch"] for _, setup in late["setups"]]
    assert (floor_2, 3) == (late["arrival_us"], late["version"])


def test_a_late_frame_raises_the_version_and_a_repeat_does_not(floor):
    floor.receives(start(0), frame(1), frame(3), end(4))
    floor.receives(frame(3))
    assert floor.session()["version"] == 1
    floor.receives(frame(2))
    assert (2, floor.now_us) == (floor.session()["version"], floor.session()["arrival_us"])


def test_a_late_frame_raises_the_version_where_the_clock_was_set_back(floor):
    floor.receives(start(0), frame(1), frame(3), end(4))
    floor.now_us -= 3_600 * SECOND_US
    floor.receives(frame(2))
    assert floor.session()["version"] == 2


def test_frames_of_nobody_belong_to_no_session(floor):
    floor.receives(frame(0, session=None))
    with floor.engine.connect() as connection:
        assert [] == connection.execute(select(schema.session_log)).all()


def test_of_two_starts_the_first_holds(floor):
    floor.receives(start(0))
    floor.receives(start(7))
    assert (0, at(0)) == (floor.session()["start_seq"], floor.session()["start_us"])


def test_a_session_of_another_machine_is_not_taken_over(floor):
    floor.receives(start(0))
    before = floor.session()
    recorded = record(floor.engine, [Arrived(Event("north", "press-2", frame(5)), NOW_US)], [], NOW_US)
    assert (1, before) == (recorded.conflicts, floor.session())


# Reboots


def test_a_new_boot_ends_the_open_session_of_the_old_one(floor):
    floor.receives(online("b1"), start(0), frame(1))
    floor.receives(online("b2"))
    session = floor.session()
    assert ("reboot", at(2), None, floor.now_us) == tuple(
        session[name] for name in ("end_reason", "end_us", "end_seq", "ended_arrival_us")
    )


def test_a_new_boot_in_the_same_batch_ends_it_too(floor):
    floor.receives(online("b1"), start(0), online("b2"))
    assert ("reboot", at(0)) == (floor.session()["end_reason"], floor.session()["end_us"])


def test_a_session_that_has_ended_keeps_its_end(floor):
    floor.receives(online("b1"), start(0), end(1))
    before = floor.session()
    floor.receives(online("b2"))
    assert before == floor.session()


def test_the_same_boot_again_ends_nothing(floor):
    floor.receives(online("b1"), start(0))
    floor.receives(Offline(boot="b1"), online("b1"))
    assert floor.session()["end_us"] is None


def test_frames_held_through_a_reboot_move_the_end(floor):
    floor.receives(online("b1"), start(0), frame(1))
    floor.receives(online("b2", held=(Held("b1", 2, 3),)))
    floor.receives(frame(3), frame(2))
    session = floor.session()
    assert ("reboot", at(4), 3) == (session["end_reason"], session["end_us"], session["version"])


def test_the_real_end_held_through_a_reboot_replaces_the_assumed_one(floor):
    floor.receives(online("b1"), start(0), frame(1), online("b2"))
    floor.receives(end(2))
    assert ("badge_out", 2, at(2)) == tuple(floor.session()[name] for name in ("end_reason", "end_seq", "end_us"))


def test_a_session_first_heard_of_after_the_reboot_is_over(floor):
    floor.receives(online("b2", held=(Held("b1", 0, 1),)))
    floor.receives(start(0), frame(1))
    assert ("reboot", at(2)) == (floor.session()["end_reason"], floor.session()["end_us"])


def test_frames_may_come_before_the_state_of_their_boot(floor):
    floor.receives(online("b1"))
    floor.receives(start(0, "s2", "b2"), frame(1, "s2", "b2"))
    floor.receives(online("b2"))
    assert floor.session("s2")["end_us"] is None


def test_an_old_state_given_again_does_not_turn_back_time(floor):
    """Ingest was killed before it had acknowledged either; the broker gives both again, in order."""
    floor.receives(online("b1"), online("b2"), start(0, "s2", "b2"))
    floor.receives(online("b1"), online("b2"))
    assert "b2" == floor.row("machine")["boot"]
    assert floor.session("s2")["end_us"] is None


# The watermark


def test_a_machine_that_nobody_knows_is_told_nothing(floor):
    assert floor.told() == ()


def test_a_machine_that_has_sent_nothing_is_told_so(floor):
    floor.receives(online())
    assert (StoredBoot("b1", -1),) == floor.told()


def test_the_watermark_names_what_is_missing(floor):
    floor.receives(online(), *(frame(seq) for seq in (0, 1, 2, 7, 9)))
    assert (StoredBoot("b1", 9, ((3, 6), (8, 8))),) == floor.told()


def test_a_late_frame_fills_the_gap(floor):
    floor.receives(online(), frame(0), frame(2))
    floor.receives(frame(1))
    assert (StoredBoot("b1", 2),) == floor.told()


def test_a_boot_without_a_state_is_told_all_the_same(floor):
    floor.receives(frame(0))
    assert (StoredBoot("b1", 0),) == floor.told()


def test_a_complete_earlier_boot_is_not_mentioned(floor):
    floor.receives(online("b1"), frame(0), online("b2"))
    assert (StoredBoot("b2", -1),) == floor.told()


def test_an_earlier_boot_of_which_something_is_missing_is(floor):
    floor.receives(online("b1"), frame(0), frame(2), online("b2"))
    assert (StoredBoot("b2", -1), StoredBoot("b1", 2, ((1, 1),))) == floor.told()


def test_a_boot_that_the_machine_holds_is_mentioned_known_or_not(floor):
    floor.receives(online("b1"), frame(0))
    floor.receives(online("b3", held=(Held("b1", 0, 0), Held("b2", 0, 9))))
    assert (StoredBoot("b3", -1), StoredBoot("b1", 0), StoredBoot("b2", -1)) == floor.told()


def test_at_most_eight_boots_are_told_and_those_it_holds_first(floor):
    for n in range(12):
        floor.receives(online(f"old{n}"), frame(1, boot=f"old{n}"))
    floor.receives(online("new", held=(Held("old3", 0, 0),)))
    assert ["new", "old3", "old11", "old10", "old9", "old8", "old7", "old6"] == [boot.boot for boot in floor.told()]


def test_a_watermark_too_long_for_a_message_is_lower_but_true(floor):
    floor.receives(online(), *(frame(seq) for seq in range(0, 400, 2)))
    (told,) = floor.told()
    assert ledger.MAX_MISSING == len(told.missing)
    assert told.seq == 2 * ledger.MAX_MISSING


def test_machines_are_told_apart(floor):
    machines = [("n", "a"), ("n", "b"), ("s", "a")]
    arrived = [Arrived(Event(*machine, frame(seq)), NOW_US) for seq, machine in enumerate(machines)]
    record(floor.engine, arrived, [], NOW_US)
    assert [0, 1, 2] == [watermark(floor.engine, *machine).boots[0].seq for machine in machines]


# Quarantine


def test_a_refused_message_is_kept_with_its_reason(floor):
    floor.receives(refused=(bad(3, payload=b"\xff\x00{"),))
    (kept,) = quarantine.listing(floor.engine)
    assert (bad(3, payload=b"\xff\x00{"), 1) == (kept.refused, kept.count)
    assert kept == quarantine.get(floor.engine, kept.id)


def test_the_same_message_is_kept_once_and_counted(floor):
    floor.receives(refused=(bad(3), bad(3)))
    floor.receives(refused=(bad(3), bad(3, payload=b"other")))
    assert [1, 3] == [kept.count for kept in quarantine.listing(floor.engine)]


def test_the_oldest_go_first_and_are_counted(floor):
    refused = [bad(seq, payload=f"{seq}".encode()) for seq in range(7)]
    dropped = [
        record(floor.engine, [], batch, NOW_US, room=replace(quarantine.ROOM, messages=5)).quarantine_dropped
        for batch in (refused[:4], refused[4:])
    ]
    assert [0, 2] == dropped
    assert [6, 5, 4, 3, 2] == [kept.refused.refusal.seq for kept in quarantine.listing(floor.engine)]


def test_what_a_stranger_wrote_is_kept_as_text_that_every_database_takes(floor):
    """PostgreSQL refuses a NUL in any text: that must not end ingest, at each delivery anew."""
    refused = Refused(NOW_US, "sledwatch/v1/\0", b"\0", Refusal(Reason.WRONG_TYPE, "Invalid value '\0'"))
    record(floor.engine, [], [refused], NOW_US)
    (kept,) = quarantine.listing(floor.engine)
    assert ("sledwatch/v1/\ufffd", b"\0") == (kept.refused.topic, kept.refused.payload)
    assert "Invalid value '\ufffd'" == kept.refused.refusal.detail


def test_quarantine_is_read_page_by_page(floor):
    floor.receives(refused=tuple(bad(seq, payload=f"{seq}".encode()) for seq in range(5)))
    first = quarantine.listing(floor.engine, limit=3)
    rest = quarantine.listing(floor.engine, cursor=first[-1].id, limit=3)
    assert [4, 3, 2, 1, 0] == [kept.refused.refusal.seq for kept in first + rest]


def test_what_is_not_in_quarantine_is_none(floor):
    assert quarantine.get(floor.engine, 1) is None


def test_a_message_from_nowhere_is_kept_too(floor):
    refused = Refused(NOW_US, "somewhere/else", b"", Refusal(Reason.BAD_TOPIC, "no topic of ours"))
    assert Recorded(frozenset()) == record(floor.engine, [], [refused], NOW_US)
    assert [refused] == [kept.refused for kept in quarantine.listing(floor.engine)]
