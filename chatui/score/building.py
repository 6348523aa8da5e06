"""Put a report together from what was measured."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chatui.conversation import Conversation, content_hash
from chatui.model.requests import Reply
from chatui.score.comparison import Comparison, Outputs, compare
from chatui.score.config import SYSTEMS, MetricName, ScoreConfig, System
from chatui.score.measuring import Measured, Model
from chatui.score.report import CleanFigures, ItemFigures, Report, ScoredItem
from chatui.score.seen import clean_items, seen_in_training
from chatui.score.signature import signature, versions
from chatui.score.verdict import verdict_sentence


def build_report(
    name: str,
    config: ScoreConfig,
    model: Model,
    measured: Measured,
    *,
    training: Sequence[Conversation],
) -> Report:
    """Compare both systems over the scored items; their order changes nothing."""
    items = sorted(measured.scored, key=lambda item: item.id)
    comparison = compare(_outputs(items, measured), config.primary, config.seed)
    unseen = clean_items(items, training)
    clean = [item for item in items if item.id in unseen]
    hashes = _hashes(config, model, measured, items)
    difference = comparison.differences[config.primary]
    return Report(
        score=name,
        run=config.run,
        dataset=config.dataset,
        split=config.split,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        primary=config.primary,
        verdict=verdict_sentence(config.primary, difference, len(items)),
        base=comparison.base,
        tuned=comparison.tuned,
        differences=comparison.differences,
        n=len(items),
        total=len(items) + len(measured.skipped),
        seen=seen_in_training(items, training),
        signature=signature(config, hashes, comparison.signatures, len(items)),
        hashes=hashes,
        versions=versions(),
        decoding=config.decoding.model_dump(),
        seed=config.seed,
        items=_scored_items(items, measured, comparison),
        skipped=tuple(measured.skipped),
        clean=_clean_figures(clean, measured, comparison, config),
    )


def _clean_figures(
    clean: Sequence[Conversation],
    measured: Measured,
    comparison: Comparison,
    config: ScoreConfig,
) -> CleanFigures:
    """Figures over the clean items; of all items they are known already."""
    if len(clean) < len(measured.scored):
        comparison = compare(_outputs(clean, measured), config.primary, config.seed)
    return CleanFigures(len(clean), comparison.base, comparison.tuned)


def _outputs(items: Sequence[Conversation], measured: Measured) -> Outputs:
    return Outputs(
        references=[item.reference for item in items],
        likelihoods={s: [measured.likelihoods[s][i.id] for i in items] for s in SYSTEMS},
        replies={s: [measured.replies[s][i.id].text for i in items] for s in SYSTEMS},
        cut={s: [measured.replies[s][i.id].ended == "limit" for i in items] for s in SYSTEMS},
        prompts=[item.prompt[-1].text for item in items],
    )


def _hashes(
    config: ScoreConfig, model: Model, measured: Measured, items: Sequence[Conversation]
) -> dict[str, str]:
    return {
        "test": config.test_hash,
        "items": content_hash(sorted(item.id for item in items)),
        "base": model.base_hash,
        "adapter": config.adapter_hash,
        "template": model.template_hash,
        "decoding": config.decoding.digest(),
        "base_replies": measured.reply_keys["base"],
        "tuned_replies": measured.reply_keys["tuned"],
    }


def _scored_items(
    items: Sequence[Conversation], measured: Measured, comparison: Comparison
) -> tuple[ScoredItem, ...]:
    """The items in the order of the dataset."""
    place = {item.id: number for number, item in enumerate(items)}

    def figures(system: System, item: Conversation) -> ItemFigures:
        values = comparison.per_item[system]
        return _item_figures(
            measured.replies[system][item.id],
            {name: float(values[name][place[item.id]]) for name in values},
        )

    return tuple(
        ScoredItem(
            id=item.id,
            prompt=item.prompt,
            reference=item.reference,
            base=figures("base", item),
            tuned=figures("tuned", item),
            label=item.label,
            tokens=measured.likelihoods["base"][item.id].tokens,
        )
        for item in measured.scored
    )


def _item_figures(reply: Reply, values: dict[MetricName, float]) -> ItemFigures:
    perplexity = values["perplexity"]
    return ItemFigures(
        reply=reply.text,
        ended=reply.ended,
        perplexity=perplexity if perplexity < float("inf") else None,
        bleu=values["bleu"],
        chrf2=values["chrf2"],
        token_f1=values["token_f1"],
    )
