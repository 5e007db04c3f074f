"""Policies that serve within a bound, simulated on labelled streams; `benchmarks/verified.py` is the command."""
