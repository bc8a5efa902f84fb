"""What ingest counts, for Prometheus: rates belong here, not in logs."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_WRITE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters of one running ingest, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"sledwatch_ingest_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(f"sledwatch_ingest_{name}", meaning, registry=registry)

        self.received = counter("messages_received", "Messages from the broker, repeats included")
        self.stored = counter("messages_stored", "Messages that kept the contract and are durable and in the ledger")
        self.refused = counter("messages_refused", "Messages set aside in quarantine", "reason")
        self.repeated = counter("messages_repeated", "Messages that were in the ledger already")
        self.conflicts = counter("session_conflicts", "Messages that name a session of another machine or boot")
        self.quarantine_dropped = counter("quarantine_dropped", "Messages that quarantine let go of for want of room")
        self.replayed = counter("messages_replayed", "Messages of quarantine that were tried again", "outcome")
        self.watermarks = counter("watermarks_published", "`stored` messages to machines")
        self.connections = counter("connections", "Connections that the broker accepted")
        self.stale_acks = counter("stale_acks", "Acknowledgements dropped because their connection was gone")
        self.store_failures = counter("store_failures", "Attempts to write that found a store unavailable")
        self.queue = gauge("queue_messages", "Messages that wait for the writer")
        self.connected = gauge("connected", "1 while connected and subscribed")
        self.store = gauge("store_available", "1 while the stores take writes")
        self.write_s = Histogram(
            "sledwatch_ingest_write_seconds",
            "From taking a batch to its record in the ledger",
            registry=registry,
            buckets=_WRITE_BUCKETS_S,
        )
