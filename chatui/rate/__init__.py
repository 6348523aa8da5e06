"""Stage 4: people compare base and tuned blind, and what that shows."""
