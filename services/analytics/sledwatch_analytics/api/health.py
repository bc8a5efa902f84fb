"""Whether this process lives, whether the whole line works, and the figures for Prometheus."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette import status

from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_storage.state.engine import StateUnavailable
from sledwatch_storage.state.heartbeat import Beat, beats

router = APIRouter(tags=["health"])

# Ingest writes every 2 s: five misses are no coincidence.
FRESH_US: Final = 10 * 1_000_000


class Health(BaseModel):
    """How a part is."""

    ok: bool
    why: str = Field(description="what it does, or what is wrong", examples=["subscribed, its store takes writes"])


class Readiness(BaseModel):
    """How the parts are; ready only while all are."""

    ready: bool
    parts: dict[str, Health] = Field(examples=[{"ingest": {"ok": True, "why": "subscribed, its store takes writes"}}])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """This process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"model": Readiness, "description": "a part is not ready"}})
def readyz(parts: UsesParts) -> Readiness:
    """200 only while ingest is subscribed, its store takes writes, and analytics follows."""
    readiness = _look(parts)
    if readiness.ready:
        return readiness
    return JSONResponse(readiness.model_dump(), status.HTTP_503_SERVICE_UNAVAILABLE)  # type: ignore[return-value]


@router.get("/metrics", response_class=Response)
def metrics(parts: UsesParts) -> Response:
    """Figures in Prometheus' text format."""
    return Response(generate_latest(parts.config.registry), media_type=CONTENT_TYPE_LATEST)


def _look(parts: Parts) -> Readiness:
    following = parts.floor.following
    found = {
        "analytics": Health(
            ok=following, why="follows the machines live" if following else "not connected to the broker"
        )
    }
    try:
        known = beats(parts.engine)
        found["state"] = Health(ok=True, why="answers")
        found["ingest"] = _ingest(known, parts.clock())
    except StateUnavailable as error:
        found["state"] = Health(ok=False, why=str(error))
        found["ingest"] = Health(ok=False, why="not known while the state DB does not answer")
    return Readiness(ready=all(health.ok for health in found.values()), parts=found)


def _ingest(known: dict[str, Beat], now_us: int) -> Health:
    """Of several replicas one that works is enough; one that is gone for long is not missed."""
    replicas = [beat for part, beat in known.items() if part.partition(":")[0] == "ingest"]
    if not replicas:
        return Health(ok=False, why="has never given a sign of life")
    latest = max(replicas, key=lambda beat: beat.at_us)
    fresh = [beat.detail for beat in replicas if now_us - beat.at_us < FRESH_US]
    if not fresh:
        return Health(ok=False, why=f"last sign of life {(now_us - latest.at_us) / 1e6:.0f} s ago")
    subscribed = [detail for detail in fresh if detail.get("subscribed")]
    well = [detail for detail in subscribed if detail.get("store")]
    if not subscribed:
        return Health(ok=False, why="not subscribed at the broker")
    if not well:
        reasons = [str(detail["why"]) for detail in subscribed if "why" in detail]
        return Health(ok=False, why=": ".join(["its store takes no writes", *reasons[:1]]))
    of_all = "" if len(well) == len(fresh) else f" ({len(well)} of {len(fresh)} replicas)"
    return Health(ok=True, why=f"subscribed, its store takes writes{of_all}")
