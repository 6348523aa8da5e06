"""Tell texts that have nothing to mend, at one look.

Most of what people say is letters, single spaces and the marks of a sentence. Each step would look
for its own things in vain; here one look does for all of them, in a twentieth of the time.
"""

import string

from chatui.data.cleaning.pii import KEYS_OF_LETTERS

# No control codes, digits, < or [, hyphens, @ and line breaks: most of what a step looks for.
_HARMLESS = (string.ascii_letters + " .,;:!?'\"()").encode()


def is_plain(text: str) -> bool:
    """Whether no step that mends what is spoilt has anything to do in a text; often wrongly no."""
    return (
        text.isascii()
        and not text.encode().translate(None, _HARMLESS)
        and "  " not in text
        and text == text.strip()
        and not any(map(text.__contains__, KEYS_OF_LETTERS))
    )
