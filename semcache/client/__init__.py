"""The Python client of a semcache service: lookup, store, a decorator, adapters."""
