"""The hub tells everybody who listens, at once, and nobody who listens can hold it up."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from sledwatch_analytics import stream
from sledwatch_analytics.stream import Hub


def fields(event: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in event.decode().splitlines() if not line.startswith(":"))


async def events(chunks: AsyncIterator[bytes], count: int) -> list[dict[str, str]]:
    """The next `count` events."""
    found: list[dict[str, str]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            chunk = await anext(chunks)
            found += [fields(part) for part in chunk.split(b"\n\n") if part and not part.startswith((b":", b"retry"))]
    return found


def run(scenario: Callable[[Hub], Awaitable[None]], hub: Hub | None = None) -> None:
    asyncio.run(scenario(hub or Hub("e0")))  # type: ignore[arg-type]


async def begun(hub: Hub, **listening: Any) -> AsyncIterator[bytes]:
    chunks = hub.stream(**listening)
    assert (await anext(chunks)).startswith(b"retry: ")
    return chunks


def test_what_is_published_from_any_thread_arrives_in_order() -> None:
    async def scenario(hub: Hub) -> None:
        chunks = await begun(hub)
        thread = threading.Thread(target=lambda: [hub.publish("rep", {"gym": "north", "rep": n}) for n in range(50)])
        thread.start()
        found = await events(chunks, 50)
        thread.join()
        assert [f'{{"gym":"north","rep":{n}}}' for n in range(50)] == [event["data"] for event in found]
        assert [("rep", f"e0-{n}") for n in range(1, 51)] == [(event["event"], event["id"]) for event in found]

    run(scenario)


def test_dataclasses_and_times_are_told_too() -> None:
    @dataclass
    class Told:
        gym: str
        at: datetime

    async def scenario(hub: Hub) -> None:
        chunks = await begun(hub)
        hub.publish("alert", Told("north", datetime(2026, 11, 22, tzinfo=UTC)))
        assert '{"gym":"north","at":"2026-11-22T00:00:00Z"}' == (await events(chunks, 1))[0]["data"]

    run(scenario)


def test_a_listener_hears_its_own_gym_only() -> None:
    async def scenario(hub: Hub) -> None:
        north, everywhere = await begun(hub, gym="north"), await begun(hub)
        for gym in ("south", "north"):
            hub.publish("rep", {"gym": gym})
        assert ["e0-2"] == [event["id"] for event in await events(north, 1)]
        assert ["e0-1", "e0-2"] == [event["id"] for event in await events(everywhere, 2)]

    run(scenario)


def test_a_slow_listener_gets_the_latest_of_each_machine() -> None:
    async def scenario(hub: Hub) -> None:
        chunks = await begun(hub)
        for n in range(10_000):
            hub.publish("machine", {"gym": "north", "machine": f"press-{n % 3}", "n": n})
        assert ["e0-9998", "e0-9999", "e0-10000"] == [event["id"] for event in await events(chunks, 3)]

    run(scenario)


def test_a_listener_that_falls_too_far_behind_is_told_to_load_anew() -> None:
    async def scenario(hub: Hub) -> None:
        chunks = await begun(hub)
        for n in range(15):
            hub.publish("rep", {"gym": "north", "rep": n})
        found = await events(chunks, 6)
        assert ["reload", *["rep"] * 5] == [event["event"] for event in found]
        assert "e0-15" == found[-1]["id"]

    run(scenario, Hub("e0", queue_events=10))


def test_who_comes_back_gets_what_was_missed() -> None:
    async def scenario(hub: Hub) -> None:
        for n in range(5):
            hub.publish("rep", {"gym": "north", "rep": n})
            hub.publish("machine", {"gym": "north", "machine": "press-1"})
        chunks = await begun(hub, last_event_id="e0-6")
        hub.publish("rep", {"gym": "north", "rep": 5})
        assert ["e0-7", "e0-9", "e0-11"] == [event["id"] for event in await events(chunks, 3)]

    run(scenario)


@pytest.mark.parametrize("last_event_id", ["other-3", "e0-99", "e0-x", "e0-", "nonsense", "e0--1", "e0-" + "9" * 5_000])
def test_who_comes_back_from_elsewhere_is_told_to_load_anew(last_event_id: str) -> None:
    async def scenario(hub: Hub) -> None:
        hub.publish("rep", {"gym": "north"})
        chunks = await begun(hub, last_event_id=last_event_id)
        assert ["reload"] == [event["event"] for event in await events(chunks, 1)]

    run(scenario)


def test_who_was_away_for_too_long_is_told_to_load_anew() -> None:
    async def scenario(hub: Hub) -> None:
        for n in range(stream.REPLAY_EVENTS + 10):
            hub.publish("rep", {"gym": "north", "rep": n})
        chunks = await begun(hub, last_event_id="e0-3")
        assert ["reload"] == [event["event"] for event in await events(chunks, 1)]

    run(scenario)


def test_the_first_picture_comes_before_what_happens_meanwhile() -> None:
    async def scenario(hub: Hub) -> None:
        def first() -> list[tuple[str, Any]]:
            hub.publish("machine", {"gym": "north", "machine": "press-1", "n": 2})
            return [("machine", {"gym": "north", "machine": "press-1", "n": 1})]

        chunks = await begun(hub, first=first)
        found = await events(chunks, 2)
        assert ["1}", "2}"] == [event["data"].rpartition(":")[2] for event in found]

    run(scenario)


def test_a_silent_stream_gives_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)

    async def scenario(hub: Hub) -> None:
        chunks = await begun(hub)
        assert b": ping\n\n" == await anext(chunks)

    run(scenario)


def test_closing_ends_streams_after_what_was_told() -> None:
    async def scenario(hub: Hub) -> None:
        chunks = await begun(hub)
        hub.publish("rep", {"gym": "north"})
        hub.close()
        hub.publish("rep", {"gym": "north"})
        async with asyncio.timeout(20):
            rest = [chunk async for chunk in chunks]
        assert 1 == len(rest)
        assert 0 == hub.listeners
        assert [] == [chunk async for chunk in hub.stream()][1:]

    run(scenario)


def test_a_listener_that_leaves_is_forgotten() -> None:
    async def scenario(hub: Hub) -> None:
        chunks = await begun(hub)
        assert 1 == hub.listeners
        await chunks.aclose()  # type: ignore[attr-defined]
        assert 0 == hub.listeners

    run(scenario)


def test_a_listener_whose_loop_has_ended_holds_nobody_up() -> None:
    hub = Hub("e0")

    async def scenario() -> AsyncIterator[bytes]:
        return await begun(hub)

    chunks = asyncio.new_event_loop()
    left = chunks.run_until_complete(scenario())
    chunks.close()
    hub.publish("rep", {"gym": "north"})
    hub.close()
    assert left is not None
