"""The store: records, change log, catalogue and control state in Redis or Valkey, and the embedded server.

The only room that knows Redis: connections, scripts, key names, encodings. Redis's exceptions are translated here
(`guard`) and never leave. It knows nothing of policy, vectors' meaning, HTTP or who asks; it implements the ports.
"""
