"""The model: loading it in 4 bits, asking it, and the bundled starter. Torch lives here."""
