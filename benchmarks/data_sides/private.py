"""Masking personal data beside Presidio, and on five hundred texts with traps.

Presidio has six recognisers by pattern (e-mail, phone, card, IBAN, IP, SSN) on a blank spaCy
pipeline, and only says where they match: replacing is another package. chatui looks for two kinds
more and replaces. Found is what the whole value, and nothing else, was replaced of.
"""

import sys
from pathlib import Path

from dirty_rows import pairs
from timing import say, seconds_of

from chatui.data.cleaning.pii import Masker

sys.path.append(str(Path(__file__).parents[2]))
from tests.data.private_texts import samples  # noqa: E402

TARGETS = {
    "private: seconds of Presidio with 6 recognisers over ours": 15.0,
    "private: precision over 0.98": 1.0,
    "private: recall over 0.98": 1.0,
}
EXACT = tuple(TARGETS)[1:]


def measure(folder: Path, quick: bool) -> dict[str, float | str]:
    seconds, precision, recall = TARGETS
    measured = _figures()
    return {
        seconds: _against_presidio(1_000 if quick else 10_000),
        precision: measured[0] / 0.98,
        recall: measured[1] / 0.98,
    }


def _figures() -> tuple[float, float]:
    found = right = wanted = 0
    for text, kind, value in samples():
        masked = Masker("US")(text)
        is_right = kind is not None and masked == text.replace(value, f"<{kind}_1>")
        wanted += kind is not None
        right += is_right
        found += masked != text
        if not is_right and (kind or masked != text):
            say(f"wrong: {text!r} became {masked!r}")
    say(f"{wanted} of 500 texts hold personal data; {found} were masked, {right} of them rightly")
    return right / found, right / wanted


def _against_presidio(count: int) -> float | str:
    try:
        analyse = _presidio()
    except ImportError as error:
        return f"Presidio is not installed: {error}"
    texts = [text for pair in pairs(count) for text in pair]
    seconds = seconds_of(
        {
            "chatui": lambda: list(map(Masker("US"), texts)),
            "Presidio, 6 recognisers": lambda: [analyse(text) for text in texts],
        },
        3,
    )
    ours, theirs = seconds.values()
    return theirs / ours


def _presidio():
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, predefined_recognizers
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    # It would fetch a list of domains; the one that comes with it is enough.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    class Blank(SpacyNlpEngine):
        """Tokens only: a pipeline with names would have to be fetched."""

        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self) -> None:
            """It is there already."""

    names = "Email Phone CreditCard Iban Ip UsSsn".split()  # noqa: SIM905
    makers = [getattr(predefined_recognizers, f"{name}Recognizer") for name in names]
    registry = RecognizerRegistry([maker() for maker in makers], supported_languages=["en"])
    engine = AnalyzerEngine(registry, Blank(), supported_languages=["en"])
    return lambda text: engine.analyze(text, language="en")
