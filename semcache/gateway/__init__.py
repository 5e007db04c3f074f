"""The gateway: provider protocols in front of the cache, a transparent proxy where there is nothing to cache."""
