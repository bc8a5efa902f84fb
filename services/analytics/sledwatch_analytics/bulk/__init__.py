"""A whole chain's history judged anew: exported by member, analysed in partitions, compared with what stands."""

from sledwatch_analytics.bulk.analysing import analyse_partition

__all__ = ["analyse_partition"]
