"""One tab a stage; no tab imports another."""
