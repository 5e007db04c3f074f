"""The default thresholds belong to vector spaces that exist."""

from semcache.embedders import packaged
from semcache.policy.calibration import CAUTIOUS, MEASURED, default_threshold


def test_the_packaged_model_has_a_measured_threshold() -> None:
    assert packaged.vector_space(packaged.REFERENCE) in MEASURED


def test_an_unknown_space_is_treated_with_caution() -> None:
    assert default_threshold("never measured") == CAUTIOUS >= 0.9
