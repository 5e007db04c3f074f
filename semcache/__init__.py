"""semcache: a cache for LLM responses that a team can put in front of its model calls and trust."""

__version__ = "0.2.0"
