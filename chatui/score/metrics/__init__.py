"""What is measured, as plain functions: texts or numbers in, numbers out.

Each metric has per-item statistics (a row per item) and a function from sums of those rows to the
corpus value, so that the bootstrap of `chatui.statistics` fits all of them. No models, no files.
"""
