"""Ingest killed while it takes messages up from quarantine: each is stored once, counts once, and none is left out."""

import random

from ingest_running import IngestProcess, Stores, usable
from sledwatch.events import Reason, Refusal, TopicKind, encode, topic
from sledwatch_storage.state import quarantine
from sledwatch_storage.state.ledger import Refused, record, settled
from store_and_forward import frame, now_us
from waiting import eventually

MESSAGES = 1_500
KILLS = 4


def test_ingest_killed_while_it_replays_leaves_out_nothing_and_does_nothing_twice(
    ingest: IngestProcess, stores: Stores
) -> None:
    begun_us = now_us() - MESSAGES * 1_000_000
    frames = [frame(seq, t_us=begun_us + seq * 1_000_000) for seq in range(MESSAGES)]
    refused = [
        Refused(
            one.t_us,
            topic("gym", "lp-1", TopicKind.FRAME),
            encode(one),
            Refusal(Reason.WRONG_TYPE, "what an earlier version said", "gym", "lp-1", one.boot, one.seq),
        )
        for one in frames
    ]
    record(stores.state, [], refused, now_us())

    def replayed() -> int:
        return sum(tally.replayed for tally in quarantine.tallies(stores.state))

    assert MESSAGES == quarantine.ask_all(stores.state, now_us())
    for kill in range(KILLS):
        eventually(lambda share=kill / (KILLS + 1): replayed() >= share * MESSAGES, interval_s=random.uniform(0, 0.01))
        ingest.kill()
        ingest.start()
    eventually(lambda: replayed() >= MESSAGES, 60.0)

    assert [] == quarantine.asked(stores.state, 1)
    assert frames == [kept.frame for kept in stores.series.frames("gym", "lp-1", "boot-1", 0, 2**62)]
    assert (MESSAGES, usable(frames)) == stores.counts()
    assert [(0, MESSAGES - 1)] == settled(stores.state, "gym", "lp-1", "boot-1")
    assert {1} == {kept.tries for kept in quarantine.listing(stores.state, limit=MESSAGES, state="replayed")}
