"""Measurements: hit rate against threshold, index and HTTP speed. Run by people, never by the test suite."""
