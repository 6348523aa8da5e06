"""The cleaning steps: their names, what they say about themselves, and what they do."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from chatui.data.cleaning.control import neutralise
from chatui.data.cleaning.judges import Judge, flagged_words, other_language, too_long
from chatui.data.cleaning.parameters import Parameters
from chatui.data.cleaning.pii import Masker
from chatui.data.cleaning.texts import repair, trim
from chatui.data.cleaning.words import drop_punctuation, drop_stop_words
from chatui.data.markup import remove_html
from chatui.errors import UnknownStep

Fix = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Step:
    """One cleaning step; `fix` mends a text, `judge` a row; the others compare or order rows."""

    name: str
    title: str
    description: str
    fix: Callable[[Parameters], Fix] | None = None
    judge: Callable[[Parameters], Judge] | None = None
    is_default: bool = True
    rewords: bool = False  # changes texts that nothing is wrong with
    parameters: tuple[str, ...] = ()  # the fields of Parameters that it reads


def _always(fix: Fix) -> Callable[[Parameters], Fix]:
    return lambda _: fix


_SAID = "I do not want a refund, but is the lamp (the blue one) in stock?"

STEPS: tuple[Step, ...] = (
    Step("spaces", "Trim spaces", "White space at the ends and double spaces go.", _always(trim)),
    Step(
        "characters",
        "Repair characters",
        "â€™ becomes ’ again, control codes go.",
        _always(repair),
    ),
    Step("html", "Remove HTML", "Tags and entities go, code and a<b stay.", _always(remove_html)),
    Step(
        "control",
        "Defuse control tokens",
        "A typed <|end|> or [INST] gets a space, so that it can't act as one.",
        _always(neutralise),
    ),
    Step(
        "pii",
        "Mask personal data",
        "E-mail and IP addresses, phone, card and account numbers and keys become <EMAIL_1>, the "
        "same one everywhere. Names and postal addresses are not found.",
        lambda parameters: Masker(parameters.region),
        is_default=False,
        parameters=("region",),
    ),
    Step(
        "punctuation",
        "Leave out punctuation",
        f"Changes what is said: “{_SAID}” becomes “{drop_punctuation(_SAID)}”. "
        "Question marks stay.",
        _always(drop_punctuation),
        is_default=False,
        rewords=True,
    ),
    Step(
        "stopwords",
        "Leave out stop words",
        f"Changes what is said: “{_SAID}” becomes “{drop_stop_words(_SAID)}”. English only; "
        "negations and question words stay. A model writes as the replies are then written.",
        _always(drop_stop_words),
        is_default=False,
        rewords=True,
    ),
    Step("blank", "Drop blank turns", "Turns without a text go; so do pairs with one side."),
    Step(
        "long",
        "Drop over-long rows",
        "Rows with more tokens than the limit go: training would cut them.",
        judge=too_long,
        is_default=False,
        parameters=("max_tokens", "tokenizer"),
    ),
    Step(
        "language",
        "Keep languages",
        "Rows in another language go; what is too short to tell stays.",
        judge=other_language,
        is_default=False,
        parameters=("languages",),
    ),
    Step(
        "flagged",
        "Drop flagged words",
        "Rows that hold a word of your list go.",
        judge=flagged_words,
        is_default=False,
        parameters=("flagged_words",),
    ),
    Step("duplicates", "Drop duplicates", "Of rows with the same turns, the first stays."),
    Step(
        "near",
        "Drop near duplicates",
        "Of rows whose question and reply are nearly the same, the first stays.",
        is_default=False,
        parameters=("similarity",),
    ),
    Step(
        "conflicts",
        "Keep one reply per question",
        "Of rows that answer the same question in different words, the first stays.",
        is_default=False,
    ),
)
STEP_NAMES: tuple[str, ...] = tuple(step.name for step in STEPS)
DEFAULT_STEPS: tuple[str, ...] = tuple(step.name for step in STEPS if step.is_default)
# Not switchable: without them a row is no conversation. Counted like the others.
READ = Step("read", "Reading", "Rows that could not be read, or hold something else than texts.")
ORDER = Step("order", "Put turns in order", "A conversation ends with a reply, speakers alternate.")
# No cleaning: rows of a version that another one, made of it, leaves out.
CAP = Step("cap", "Cap", "Rows of a label that has more than the cap.")
MIX = Step("mix", "Mixture", "Rows that a mixture of datasets doesn't hold.")
# Not steps either, but what a person decided about single rows: counted and undone in the same way.
EDITED = Step("edited", "Edited by hand", "Rows that say what you wrote instead.")
EXCLUDED = Step("excluded", "Left out by hand", "Rows that you left out.")
ALL_STEPS: tuple[Step, ...] = (READ, ORDER, *STEPS, EDITED, EXCLUDED, CAP, MIX)
FINAL_STEPS = tuple(step.name for step in (READ, ORDER, CAP, MIX))  # what these remove stays out


def checked_steps(names: Collection[str], known: Sequence[str] = STEP_NAMES) -> tuple[str, ...]:
    """The named steps in their order; raises UnknownStep."""
    for name in names:
        if name not in known:
            raise UnknownStep(name, list(known))
    return tuple(name for name in known if name in names)
