"""Stage 1, Data: from a file of any usual kind to an immutable version of clean conversations.

Reading changes no value, cleaning says what it changed and removed, and a version, once saved,
never changes. Knows nothing of models or pages.
"""
