"""Sledwatch's domain: plain functions and frozen data, free of brokers, databases, clocks, threads and HTTP."""
