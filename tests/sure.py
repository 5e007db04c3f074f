"""A verifier that is sure that everything deserves the same answer, and a service that decides by it alone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from semcache.policy.guards import Rules
from semcache.ports import Verifier
from semcache.semantic import SemanticTier
from semcache.service import Service
from semcache.verifier.judge import Pair
from semcache.verifier.serving import OwnedVerifier
from tests.integration.conftest import eventually
from tests.patience import LONG_S
from tests.verifier.by_words import WordJudge, word_calibrations


class SureJudge(WordJudge):
    def run(self, pairs: Sequence[Pair]) -> list[float | None]:
        return [9.0] * len(pairs)


@contextlib.asynccontextmanager
async def sure_verifier() -> AsyncIterator[Verifier]:
    """Ready; stopped at the end."""
    made = OwnedVerifier(SureJudge(), queue=9, deadline_s=LONG_S, calibrations=lambda fingerprint: word_calibrations())
    await made.start()
    await eventually(lambda: made.state().ready, what="the verifier")
    yield made
    await made.aclose()


def decide_by(service: Service, verifier: Verifier) -> None:
    """From now on the verifier judges every pair, and namespaces let earlier turns be worded otherwise."""
    changes = {"mode": "guarded", "context": "semantic", "threshold": 0.0, "confidence": 0.5}
    settings = service.settings.model_copy(update=changes)
    assert service.follower is not None
    assert service.embedder is not None
    service.cache._settings = settings
    service.cache._semantic = SemanticTier(
        settings,
        entries=service.entries,
        live=service.follower,
        embedder=service.embedder,
        verifier=verifier,
        rules=Rules.default(),
        observer=service.observers,
    )
