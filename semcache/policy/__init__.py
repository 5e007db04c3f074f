"""The decisions of the cache, as pure functions: no clock, no randomness, no I/O, no third-party service.

`canonical` and `identity` say who a request is, `normalize` which spellings are one, `cacheability` what may be looked
up and stored, `freshness` how long an answer lives; `matching` and its neighbours say what is a hit. The service, the
offline benchmark and the tests run the very same functions.
"""
