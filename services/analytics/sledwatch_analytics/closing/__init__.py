"""Closing analysis: what a session was, once its samples are stored."""

from sledwatch_analytics.closing.closer import Closer
from sledwatch_analytics.closing.daily import DailyLook

__all__ = ["Closer", "DailyLook"]
