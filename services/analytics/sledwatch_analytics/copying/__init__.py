"""Copying: what was made of the samples goes to the derived series too, for Grafana."""

from sledwatch_analytics.copying.copier import Copier

__all__ = ["Copier"]
