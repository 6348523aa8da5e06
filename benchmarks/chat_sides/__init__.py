"""The sides of benchmarks/chat.py."""
