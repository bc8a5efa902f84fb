"""Ingest: MQTT in, durable series and ledger out, and never an acknowledgement before that."""
