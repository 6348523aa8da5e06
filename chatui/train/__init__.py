"""Stage 2: fine-tune a base model on a dataset version, as a job that outlives the page."""
