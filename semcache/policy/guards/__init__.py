"""Guards: pure comparisons of two prompts that forbid a hit which their vectors would allow.

`read` parses one prompt once, `compare` asks every guard about two of them: each vetoes, doubts or says nothing.
`edited_inside` is for long texts.

    rules = Rules.default()
    compare(read("enable 2FA", rules), read("disable 2FA", rules), rules)
"""

from __future__ import annotations

from semcache.policy.guards.comparison import compare
from semcache.policy.guards.findings import GUARDS, Finding, Force
from semcache.policy.guards.reading import Reading, read
from semcache.policy.guards.rules import Rules
from semcache.policy.guards.verbatim import END, VERBATIM, edited_inside

__all__ = ["END", "GUARDS", "VERBATIM", "Finding", "Force", "Reading", "Rules", "compare", "edited_inside", "read"]
