"""Delivery: from the outbox to the world, at least once."""

from sledwatch_analytics.delivery.sender import Sender

__all__ = ["Sender"]
