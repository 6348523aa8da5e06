"""The sides that benchmarks/training.py compares, each run in a process of its own."""
