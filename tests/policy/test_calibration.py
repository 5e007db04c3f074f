"""The default thresholds belong to vector spaces that exist."""

from semcache.embedders import packaged
from semcache.policy.calibration import CAUTIOUS, MEASURED, default_threshold, threshold_of
from semcache.settings import Settings


def test_the_packaged_model_has_a_measured_threshold() -> None:
    assert (packaged.vector_space(packaged.REFERENCE), Settings().mode) in MEASURED


def test_an_unknown_space_is_treated_with_caution() -> None:
    assert default_threshold("never measured", "threshold") == CAUTIOUS >= 0.9


def test_a_namespace_comes_before_the_setting_and_a_request_only_tightens() -> None:
    settings = Settings(threshold=0.9, namespaces={"strict": {"threshold": 0.95}})
    assert threshold_of(settings, "any", "s") == 0.9
    assert threshold_of(settings, "strict", "s") == 0.95
    assert threshold_of(settings, "strict", "s", requested=0.5) == 0.95
    assert threshold_of(settings, "strict", "s", requested=0.99) == 0.99
    assert threshold_of(Settings(threshold=0.0), "any", "s") == 0.0
