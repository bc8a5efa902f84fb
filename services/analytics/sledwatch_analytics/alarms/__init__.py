"""Alarms: what goes wrong with the machines or with keeping what they send, told to whoever manages the floor."""

from sledwatch_analytics.alarms.quarantine import QuarantineAlarm

__all__ = ["QuarantineAlarm"]
