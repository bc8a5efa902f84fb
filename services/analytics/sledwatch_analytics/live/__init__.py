"""Live analysis: the floor as it is now, and the word back to the machine. Provisional."""

from sledwatch_analytics.live.floor import LiveFloor
from sledwatch_analytics.live.link import Link

__all__ = ["Link", "LiveFloor"]
