"""What benchmarks/data.py runs: one module for each part of the data stage."""
