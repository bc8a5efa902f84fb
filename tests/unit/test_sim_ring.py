"""What a machine keeps until it is told that it is stored."""

import pytest

from sledwatch import events
from sledwatch.events import Frame, Held, Stored, StoredBoot, TopicKind
from sledwatch_sim.wire.ring import Message, Ring


def add(ring: Ring, count: int = 1) -> list[Message]:
    return [
        ring.add(TopicKind.FRAME, lambda boot, seq: Frame(boot, seq, seq * 1_000_000, 20_000, [1.0], 80.0))
        for _ in range(count)
    ]


def told(ring: Ring, seq: int, *missing: tuple[int, int], boot: str = "b1") -> None:
    ring.stored(Stored((StoredBoot(boot, seq, missing),)))


def kept(ring: Ring) -> list[tuple[str, int]]:
    return [(message.boot, message.seq) for message in ring.above_watermark()]


@pytest.fixture
def ring() -> Ring:
    return Ring("b1", capacity=100)


def test_messages_are_numbered_from_zero_and_say_so(ring):
    first, second = add(ring, 2)
    decoded = events.decode(events.topic("g", "m", TopicKind.FRAME), second.payload, 0)
    assert (0, 1) == (first.seq, second.seq)
    assert 1 == decoded.payload.seq


def test_what_is_stored_is_let_go(ring):
    add(ring, 5)
    told(ring, 2)
    assert [("b1", 3), ("b1", 4)] == kept(ring)
    assert 3 == ring.oldest_seq


def test_what_is_missing_below_the_watermark_is_kept(ring):
    add(ring, 6)
    told(ring, 4, (1, 2))
    assert [("b1", 1), ("b1", 2), ("b1", 5)] == kept(ring)


def test_a_watermark_lower_than_one_already_seen_is_ignored(ring):
    add(ring, 6)
    told(ring, 4)
    told(ring, 2, (0, 1))
    assert [("b1", 5)] == kept(ring)
    assert not ring.asked_in_vain


def test_a_watermark_of_another_boot_changes_nothing(ring):
    add(ring, 2)
    told(ring, 9, boot="somebody-else")
    assert 2 == len(ring)


def test_what_is_missing_is_sent_again_three_times_and_then_given_up(ring):
    add(ring, 4)
    sent = []
    for _ in range(4):
        told(ring, 3, (1, 1))
        sent.append([message.seq for message in ring.look_again()])
    assert [[1], [1], [1], []] == sent
    assert (1, 0, 4) == (ring.lost, len(ring), ring.oldest_seq)


def test_nothing_is_given_up_while_nobody_answers(ring):
    """The store may be away for longer than three times thirty seconds; what was sent waits in the broker."""
    add(ring, 4)
    told(ring, 3, (1, 1))
    sent = [[message.seq for message in ring.look_again()] for _ in range(10)]
    assert [[1], *[[]] * 9] == sent
    assert ring.unanswered
    told(ring, 3)
    assert (0, 0, False) == (ring.lost, len(ring), ring.unanswered)


def test_what_was_said_before_a_reconnect_answers_nothing(ring):
    """The broker that had the third attempt may be gone; all that is kept has just been sent once more."""
    add(ring, 4)
    for _ in range(3):
        told(ring, 3, (1, 1))
        ring.look_again()
    told(ring, 3, (1, 1))
    assert [1] == [message.seq for message in ring.resume()]
    assert [] == ring.look_again()
    assert 0 == ring.lost


def test_a_watermark_lower_than_one_already_seen_is_an_answer_all_the_same(ring):
    add(ring, 6)
    told(ring, 5, (1, 1))
    ring.look_again()
    told(ring, 0)
    assert [1] == [message.seq for message in ring.look_again()]


def test_nothing_stored_at_all_lets_go_of_nothing(ring):
    add(ring, 3)
    told(ring, -1)
    assert [("b1", 0), ("b1", 1), ("b1", 2)] == kept(ring)


def test_a_watermark_that_had_no_room_for_all_gaps_is_as_good_as_any(ring):
    """Ingest lists so many of them, and ends its watermark before the next."""
    add(ring, 20)
    told(ring, 9, (1, 1), (3, 3))
    assert [("b1", seq) for seq in (1, 3, *range(10, 20))] == kept(ring)
    told(ring, 19, (10, 12))
    assert [("b1", seq) for seq in range(10, 13)] == kept(ring)


def test_what_comes_through_at_the_second_attempt_is_not_given_up(ring):
    add(ring, 4)
    told(ring, 3, (1, 2))
    ring.look_again()
    told(ring, 3, (2, 2))
    ring.look_again()
    told(ring, 3)
    assert (0, 0) == (ring.lost, len(ring))


def test_a_lost_tail_is_probed_with_its_last_message(ring):
    """Nothing follows it, so nobody can miss it."""
    add(ring, 3)
    assert [] == ring.look_again()
    assert [2] == [message.seq for message in ring.look_again()]


def test_a_tail_that_still_grows_is_not_probed(ring):
    add(ring, 3)
    ring.look_again()
    add(ring)
    assert [] == ring.look_again()


def test_a_full_ring_loses_its_oldest_and_counts_it():
    ring = Ring("b1", capacity=3)
    add(ring, 5)
    assert [("b1", 2), ("b1", 3), ("b1", 4)] == kept(ring)
    assert (2, 2) == (ring.lost, ring.oldest_seq)


def test_what_is_asked_for_and_gone_is_noticed():
    ring = Ring("b1", capacity=2)
    add(ring, 5)
    told(ring, 4, (0, 1))
    assert ring.asked_in_vain


def test_earlier_boots_are_kept_until_they_are_stored(ring):
    add(ring, 4)
    told(ring, 2, (0, 1))
    ring.reboot("b2")
    add(ring, 2)
    assert (Held("b1", 0, 1), Held("b1", 3, 3)) == ring.held
    assert [("b1", 0), ("b1", 1), ("b1", 3), ("b2", 0), ("b2", 1)] == kept(ring)
    told(ring, 3)
    assert () == ring.held


def test_a_boot_full_of_gaps_is_held_as_one_range(ring):
    """A State has to stay small."""
    add(ring, 99)
    told(ring, 97, *((seq, seq) for seq in range(0, 97, 2)))
    ring.reboot("b2")
    assert (*(Held("b1", seq, seq) for seq in range(0, 97, 2)), Held("b1", 98, 98)) == ring.held
    crowded = Ring("b1", capacity=1_000)
    add(crowded, 400)
    told(crowded, 398, *((seq, seq) for seq in range(0, 398, 2)))
    crowded.reboot("b2")
    assert (Held("b1", 0, 399),) == crowded.held


def test_a_full_ring_loses_earlier_boots_first():
    ring = Ring("b1", capacity=3)
    add(ring, 2)
    ring.reboot("b2")
    add(ring, 2)
    assert [("b1", 1), ("b2", 0), ("b2", 1)] == kept(ring)


def test_a_boot_is_never_used_twice(ring):
    add(ring)
    with pytest.raises(ValueError, match="has been used"):
        ring.reboot("b1")


def test_a_range_that_claims_millions_costs_nothing(ring):
    add(ring, 3)
    told(ring, 2**50, (1, 2**50))
    assert [("b1", 1), ("b1", 2)] == kept(ring)
