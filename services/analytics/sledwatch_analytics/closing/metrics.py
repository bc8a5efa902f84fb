"""What closing counts for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ClosingMetrics:
    """Figures of one closer, in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.closings = Counter(
            "sledwatch_closings", "Closings of sessions, first and repeated, by outcome", ["outcome"], registry=registry
        )
        self.waiting = Gauge(
            "sledwatch_closings_waiting", "Sessions with news that no closing has seen", registry=registry
        )
        self.failing = Gauge("sledwatch_closings_failing", "Sessions whose last closing failed", registry=registry)
        self.without_start = Gauge(
            "sledwatch_sessions_without_start", "Sessions of which no start ever arrived", registry=registry
        )
        self.seconds = Histogram("sledwatch_closing_seconds", "Time to close one session", registry=registry)
