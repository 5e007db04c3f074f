"""Coalescing: identical concurrent requests fetch one answer, over all replicas."""
