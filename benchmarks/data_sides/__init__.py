"""What benchmarks/data.py compares: each module is one part of the Data tab."""
