"""When each alert fires, and near misses at which it must not: for ``promtool test rules``."""
