"""Closing analysis: what a session was, once its samples are stored."""

from sledwatch_analytics.closing.closer import Closer

__all__ = ["Closer"]
