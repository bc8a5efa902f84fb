"""What the API is made of: the stores, the live floor, the hub and the doors, handed in where the app is built."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Request
from prometheus_client import REGISTRY, CollectorRegistry
from sqlalchemy import Engine

from sledwatch.events import Rep
from sledwatch_analytics.access import Access, Subject
from sledwatch_analytics.live.pressed import Pressed
from sledwatch_analytics.stream import Hub
from sledwatch_storage.series import SeriesStore


class Floor(Protocol):
    """The live picture of the gyms, as the API uses it. Safe to call from any thread."""

    @property
    def following(self) -> bool:
        """Whether it is connected to the broker and subscribed."""

    def machines(self, gym: str) -> Sequence[dict[str, Any]]:
        """The machines of a gym as `GET /gyms/{gym}/machines` lists them."""

    def live_reps(self, session: str) -> Sequence[Rep]:
        """The reps so far of a session that is not closed, ascending."""

    def pressing(self, gym: str, machine: str) -> Pressed | None:
        """Who is on a machine now, and where their sled is; None where nobody is badged in."""

    def limits_changed(self, user: str) -> None:
        """Limits, protocol, name or body of this member have changed."""


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """time_zone: of gyms and members where nothing says another. registry: what /metrics shows."""

    time_zone: str = "UTC"
    version: str = "0.1.0"
    registry: CollectorRegistry = field(default_factory=lambda: REGISTRY)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything an endpoint may use. clock: microseconds since the epoch, UTC."""

    engine: Engine
    series: SeriesStore
    floor: Floor
    hub: Hub
    access: Access
    clock: Callable[[], int]
    config: ApiConfig


async def parts_of(request: Request) -> Parts:
    """The parts of the app that serves this request."""
    return cast(Parts, request.app.state.parts)


async def subject_of(request: Request) -> Subject:
    """Who asks; the guard has let nobody else through."""
    return cast(Subject, request.state.subject)


UsesParts = Annotated[Parts, Depends(parts_of)]
AskedBy = Annotated[Subject, Depends(subject_of)]
