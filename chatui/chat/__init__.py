"""Stage 5: talking with the base model or a run, and what people think of the replies."""
