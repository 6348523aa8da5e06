"""The sides of benchmarks/scoring.py."""
