"""Who may come in: the administrator's token, one-time sign-in links, and browser sessions."""

from sledwatch_analytics.access.doors import Access, LinkRefused, Subject, make_link

__all__ = ["Access", "LinkRefused", "Subject", "make_link"]
