"""Score base and tuned on the locked test split: metrics, intervals, verdicts, signature."""
