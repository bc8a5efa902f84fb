"""The stores: ports, and the adapters that keep their promises."""
