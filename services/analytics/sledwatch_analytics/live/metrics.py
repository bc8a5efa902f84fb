"""What live analysis counts for Prometheus."""

from prometheus_client import CollectorRegistry, Counter


class LiveMetrics:
    """Figures of one floor, in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.heard = Counter(
            "sledwatch_live_messages",
            "Messages of machines that were taken in, by kind",
            ["kind"],
            registry=registry,
        )
        self.ignored = Counter(
            "sledwatch_live_ignored", "Messages that tell nothing live, by reason", ["reason"], registry=registry
        )
        self.said = Counter(
            "sledwatch_live_published", "Messages handed to the broker, by kind", ["kind"], registry=registry
        )
