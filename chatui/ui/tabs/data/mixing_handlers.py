"""The handlers of the fold "Balance, mix, augment": ask the core, show its table, save."""

from dataclasses import dataclass, fields, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from chatui.data.augmenting import (
    Augmentation,
    Way,
    augmented,
    back_translation,
    noise,
    paraphrases,
    save_augmentation,
)
from chatui.data.balancing import Balance, balanced, imbalance, save_balance
from chatui.data.mixing import Mixture, Part, mixture, save_mixture
from chatui.data.store import DatasetView
from chatui.errors import BadMixture, CannotAugment
from chatui.model.translation import missing_in
from chatui.services import Services
from chatui.ui.state import Selection
from chatui.ui.tabs.data.mixing_html import (
    augmentation_html,
    balance_html,
    labels_html,
    mixture_html,
    origin_html,
)

CAP, REPEAT = "Cap common labels", "Repeat rare labels"
MOST_TRANSLATED = 200  # rows in one go; on two cores a sentence takes about a second
MOST_PARAPHRASED = 200  # rows in one go; a server answers one question after the other

BALANCING = ("how", "cap", "times")
MIXING = ("sources", "weights", "mixture_name", "rows")
AUGMENTING = ("share",)
PARAPHRASING = ("share", "server", "server_model")

Changes = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class MixingParts:
    """The components of the fold."""

    selection: gr.State
    box: gr.Accordion
    origin: gr.HTML
    labels: gr.HTML
    how: gr.Radio
    cap: gr.Number
    times: gr.Number
    show_balance: gr.Button
    save_balance: gr.Button
    balance: gr.HTML
    sources: gr.Dropdown
    weights: gr.Textbox
    mixture_name: gr.Textbox
    rows: gr.Number
    show_mixture: gr.Button
    save_mixture: gr.Button
    mixture: gr.HTML
    share: gr.Slider
    show_copies: gr.Button
    save_copies: gr.Button
    translate: gr.Button
    models: gr.HTML
    server: gr.Textbox
    server_model: gr.Textbox
    paraphrase: gr.Button
    copies: gr.HTML

    def all(self) -> list[Any]:
        """Everything that a handler may write to."""
        return [getattr(self, field.name) for field in fields(self)]


class Making:
    """Versions made of the version that is selected."""

    def __init__(self, services: Services, parts: MixingParts) -> None:
        self._store = services.datasets
        self._workspace, self._settings = services.workspace, services.settings
        self._parts = parts

    def refresh(self, selected: Selection) -> Changes:
        """Close the fold, and hide it where no saved version is shown; nothing is read yet."""
        parts = self._parts
        known = {str(view.id) for view in self._store.all()}
        is_saved = selected.dataset in known and not selected.unsaved
        tables = (parts.balance, parts.mixture, parts.copies)
        return {parts.box: gr.Accordion(open=False, visible=is_saved), **dict.fromkeys(tables, "")}

    def open(self, selected: Selection) -> Changes:
        """Show how common each label is, and what there is to mix with."""
        parts, view = self._parts, self._view(selected)
        rows = [row for row in self._store.rows(view.id) if row.parent is None]
        others = [(f"{v.name} ({v.id})", str(v.id)) for v in reversed(self._store.all())]
        lines = imbalance(rows)
        trained = sorted(line.train for line in lines if line.train)
        can_balance = len(trained) > 1
        return {
            parts.origin: origin_html(view),
            parts.labels: labels_html(lines),
            parts.cap: trained[len(trained) // 2] if trained else 1,  # half of the labels have less
            parts.show_balance: gr.Button(interactive=can_balance),
            parts.save_balance: gr.Button(interactive=can_balance),
            parts.sources: gr.Dropdown(others, value=[str(view.id)], multiselect=True),
            parts.mixture_name: f"{view.name} mixture"[:60],
            parts.translate: gr.Button(interactive=not self._missing()),
            parts.models: self._missing_models(),
        }

    def show_balance(self, selected: Selection, **chosen: Any) -> Changes:
        """What balancing would do."""
        return {self._parts.balance: balance_html(self._balanced(selected, chosen).lines)}

    def save_balance(self, selected: Selection, **chosen: Any) -> Changes:
        """Balance into the next version."""
        return self._saved(selected, save_balance(self._store, self._balanced(selected, chosen)))

    def show_mixture(self, selected: Selection, **chosen: Any) -> Changes:
        """What the mixture would hold."""
        return {self._parts.mixture: mixture_html(self._mixed(chosen).lines)}

    def save_mixture(self, selected: Selection, **chosen: Any) -> Changes:
        """Save the mixture."""
        name = str(chosen["mixture_name"] or "")
        return self._saved(selected, save_mixture(self._store, self._mixed(chosen), name))

    def show_copies(self, selected: Selection, **chosen: Any) -> Changes:
        """Which rows typing errors would add."""
        made = self._augmented(selected, chosen, noise())
        return {self._parts.copies: augmentation_html(made)}

    def save_copies(self, selected: Selection, **chosen: Any) -> Changes:
        """Add rows with typing errors in the next version."""
        made = self._augmented(selected, chosen, noise())
        return self._saved(selected, save_augmentation(self._store, made))

    def translate(self, selected: Selection, **chosen: Any) -> Changes:
        """Add rows that were translated there and back in the next version."""
        self._check(selected, chosen, MOST_TRANSLATED, "--back-translate")
        made = self._augmented(selected, chosen, back_translation(*self._folders()))
        return self._saved(selected, save_augmentation(self._store, made))

    def paraphrase(self, selected: Selection, **chosen: Any) -> Changes:
        """Add rows that a server has said in other words in the next version."""
        self._check(selected, chosen, MOST_PARAPHRASED, "--paraphrase")
        key = self._settings.paraphrase_key
        model = str(chosen["server_model"] or "").strip() or None
        way = paraphrases(
            str(chosen["server"] or ""), key.get_secret_value() if key else None, model
        )
        made = self._augmented(selected, chosen, way)
        return self._saved(selected, save_augmentation(self._store, made))

    def _check(self, selected: Selection, chosen: dict[str, Any], most: int, way: str) -> None:
        """Refuse what would keep the page busy for too long."""
        view = self._view(selected)
        if view.splits["train"] * _share(chosen) > most:
            raise CannotAugment(
                view.id,
                f"here at most {most} rows can be written anew in this way at a time; choose a "
                f"smaller share, or `augment {way}` on the command line",
            )

    def _balanced(self, selected: Selection, chosen: dict[str, Any]) -> Balance:
        limits = (
            {"cap": int(chosen["cap"] or 0)}
            if chosen["how"] == CAP
            else {"times": int(chosen["times"] or 0)}
        )
        return balanced(self._store, self._view(selected).id, **limits)

    def _mixed(self, chosen: dict[str, Any]) -> Mixture:
        sources = list(chosen["sources"] or ())
        weights = _weights(str(chosen["weights"] or ""), len(sources))
        parts = [Part(*pair) for pair in zip(sources, weights, strict=True)]
        rows = int(chosen["rows"]) if chosen["rows"] else None
        return mixture(self._store, parts, str(chosen["mixture_name"] or ""), rows)

    def _augmented(self, selected: Selection, chosen: dict[str, Any], way: Way) -> Augmentation:
        return augmented(self._store, self._view(selected).id, way, _share(chosen))

    def _folders(self) -> tuple[Path, Path]:
        return self._workspace.translation("there"), self._workspace.translation("back")

    def _missing(self) -> list[str]:
        found = [(folder, missing_in(folder)) for folder in self._folders()]
        return [f"{folder}: {problem}" for folder, problem in found if problem]

    def _missing_models(self) -> str:
        if not (missing := self._missing()):
            return ""
        said = (
            "Back-translation needs two Marian models on this machine, there and back. "
            f"Looked in {'; '.join(missing)}."
        )
        return f'<p class="chatui-muted">{escape(said)}</p>'

    def _saved(self, selected: Selection, view: DatasetView) -> Changes:
        gr.Info(escape(f"Saved as {view.id}."), duration=4)
        return {self._parts.selection: replace(selected, dataset=view.id, unsaved=False)}

    def _view(self, selected: Selection) -> DatasetView:
        return self._store.view(selected.dataset or "")


def _share(chosen: dict[str, Any]) -> float:
    return float(chosen["share"] or 0) / 100


def _weights(typed: str, count: int) -> list[float]:
    """One weight for each source; raises BadMixture."""
    words = [word for word in typed.replace(";", ",").split(",") if word.strip()]
    if not words:
        return [1.0] * count
    if len(words) != count:
        raise BadMixture(f"there are {count} versions and {len(words)} weights")
    try:
        return [float(word) for word in words]
    except ValueError:
        raise BadMixture(f"{typed[:40]!r} are no weights such as 2, 1") from None
