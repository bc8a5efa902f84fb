"""The series store: every sample that was ever acknowledged."""

from sledwatch_storage.series.port import SeriesStore, StoredFrame, StoreRefused, StoreUnavailable

__all__ = ["SeriesStore", "StoreRefused", "StoreUnavailable", "StoredFrame"]
