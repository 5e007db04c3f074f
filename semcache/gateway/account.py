"""Which routes of a provider reach into the account of whoever pays: stored answers, files, batches, keys; which cost.

With the operator's key that account holds what all tenants left there. A key of this service that opens some namespaces
only is therefore let through to what leaves nothing behind and reads nothing that was left. The list is of these: a
route that is not known is none of them.
"""

from __future__ import annotations

import re
from typing import Final

_ASKS: Final = re.compile(
    r"/v1/(completions|moderations|embeddings|chat/completions|responses|messages|messages/count_tokens"
    r"|responses/input_tokens|audio/(speech|transcriptions|translations)|images/(generations|edits|variations)"
    r"|rerank|score|tokenize|detokenize)"
)
_MODELS: Final = re.compile(r"/v1/models(/[^/%\\]+)?")


_FREE: Final = re.compile(
    r"/v1/(moderations|messages/count_tokens|responses/input_tokens|tokenize|detokenize|files|uploads(/.*)?)"
)


def costs(method: str, path: str) -> bool:
    """Whether a call that is passed on may have a model work, for all that is known of its route."""
    return method == "POST" and _FREE.fullmatch(path) is None


def reads_no_account(method: str, path: str) -> bool:
    """Whether a call is answered from itself alone. `path` as it was encoded."""
    if method == "POST":
        return _ASKS.fullmatch(path) is not None
    return method in ("GET", "HEAD", "OPTIONS") and _MODELS.fullmatch(path) is not None
