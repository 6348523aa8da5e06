"""chatui: from a file of conversations to a fine-tuned, measured and shared chat model."""

__version__ = "0.1.0"
