"""The default thresholds belong to vector spaces that exist."""

from semcache.embedders import packaged
from semcache.policy.calibration import (
    CAUTIOUS,
    CONFIDENCE_CAUTIOUS,
    MEASURED,
    MEASURED_CONFIDENCE,
    confidence_of,
    default_threshold,
    threshold_of,
)
from semcache.settings import Settings
from semcache.verifier import packaged as shipped


def test_the_packaged_model_has_a_measured_threshold() -> None:
    assert (packaged.vector_space(packaged.REFERENCE), "threshold") in MEASURED


def test_an_unknown_space_is_treated_with_caution() -> None:
    assert default_threshold("never measured", "threshold") == CAUTIOUS >= 0.9


def test_a_namespace_comes_before_the_setting_and_a_request_only_tightens() -> None:
    settings = Settings(threshold=0.9, namespaces={"strict": {"threshold": 0.95}})
    assert threshold_of(settings, "any", "s") == 0.9
    assert threshold_of(settings, "strict", "s") == 0.95
    assert threshold_of(settings, "strict", "s", requested=0.5) == 0.95
    assert threshold_of(settings, "strict", "s", requested=0.99) == 0.99
    assert threshold_of(Settings(threshold=0.0), "any", "s") == 0.0


def test_the_shipped_verifier_has_a_measured_confidence() -> None:
    assert shipped.fingerprint() in MEASURED_CONFIDENCE
    assert (packaged.vector_space(packaged.REFERENCE), "judged") in MEASURED


def test_confidence_goes_from_namespace_to_setting_to_measurement_to_caution() -> None:
    settings = Settings(confidence=0.9, namespaces={"strict": {"confidence": 0.99}})
    assert confidence_of(settings, "strict", "f") == 0.99
    assert confidence_of(settings, "any", "f") == 0.9
    assert confidence_of(Settings(), "any", shipped.fingerprint()) == MEASURED_CONFIDENCE[shipped.fingerprint()]
    assert confidence_of(Settings(), "any", "never measured") == CONFIDENCE_CAUTIOUS
