"""Measurements beside bare floors, all in one run: `python -m tests.benchmarks`."""
