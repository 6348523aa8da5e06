"""Telling the languages of texts, beside langid.py, whose successor's model ours is.

Both take the same texts; langid.py takes them one by one, as it can. On stderr also py3langid, one
by one, which must tell the same languages.
"""

from pathlib import Path

from dirty_rows import pairs
from py3langid import langid as py3langid
from timing import say, seconds_of

from chatui.data.cleaning.languages import language_of, languages_of

TARGETS = {
    "languages: seconds of langid.py over ours": 50.0,
    "languages: share of short texts that are called unknown": 1.0,
    "languages: share of sentences told as what they are, over 0.95": 1.0,
}
EXACT = tuple(TARGETS)[1:]
_SHORT = ("Hi", "ok", "hallo", "Yes, please!", "no no no", "12345 67890 12345", "Danke schön!")
_SENTENCES = {
    "en": (
        "Where is my order? I have waited for two weeks.",
        "Can you send me a new invoice please?",
    ),
    "de": (
        "Wo ist meine Bestellung? Ich warte seit zwei Wochen.",
        "Können Sie mir helfen, bitte?",
    ),
    "fr": (
        "Où est ma commande ? J'attends depuis deux semaines.",
        "Pouvez-vous m'aider, s'il vous plaît ?",
    ),
    "es": (
        "¿Dónde está mi pedido? Llevo dos semanas esperando.",
        "¿Me puede ayudar con la factura?",
    ),
    "it": (
        "Dov'è il mio ordine? Aspetto da due settimane.",
        "Potete mandarmi una nuova fattura?",
    ),
    "pt": (
        "Onde está a minha encomenda? Não chegou até agora.",
        "Vocês podem enviar uma nova fatura?",
    ),
    "nl": (
        "Waar is mijn bestelling? Ik wacht al twee weken.",
        "Kunt u mij een nieuwe factuur sturen?",
    ),
    "pl": (
        "Gdzie jest moje zamówienie? Czekam już dwa tygodnie.",
        "Czy może mi pan pomóc, proszę?",
    ),
    "ru": (
        "Где мой заказ? Я жду уже две недели.",
        "Вы можете прислать мне новый счёт?",
    ),
    "ja": (
        "私の注文はどこにありますか。もう二週間待っています。",
        "新しい請求書を送っていただけますか。よろしく。",
    ),
}


def measure(folder: Path, quick: bool) -> dict[str, float | str]:
    speed, unknown, right = TARGETS
    told = {text: language_of(text) for texts in _SENTENCES.values() for text in texts}
    wrong = {t: told[t] for name, texts in _SENTENCES.items() for t in texts if told[t] != name}
    say(f"told wrongly: {wrong}")
    short = [language_of(text) for text in _SHORT]
    return {
        speed: _against_langid(1_000),
        unknown: short.count(None) / len(short),
        right: (1 - len(wrong) / len(told)) / 0.95,
    }


def _against_langid(count: int) -> float | str:
    try:
        from langid.langid import LanguageIdentifier, model
    except ImportError as error:
        return f"langid.py is not installed: {error}"
    theirs = LanguageIdentifier.from_modelstring(model)
    successor = py3langid.LanguageIdentifier.from_model_file(py3langid.MODEL_FILE)
    texts = [text for pair in pairs(count) for text in pair]
    seconds = seconds_of(
        {
            "chatui": lambda: languages_of(texts),
            "langid.py": lambda: [theirs.classify(text) for text in texts],
            "py3langid": lambda: [successor.classify(text) for text in texts],
        },
        3,
    )
    ours, langid, _ = seconds.values()
    told = zip(languages_of(texts), texts, strict=True)
    differing = sum(name != successor.classify(text)[0] for name, text in told if name)
    say(f"languages that differ from py3langid's: {differing:,} of {len(texts):,}")
    return langid / ours
