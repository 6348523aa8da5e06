"""Learning from preferences with TRL's DPOTrainer, as a run like any other.

TRL has the loss (Rafailov et al. 2023, equation 7) and the reference; the order of the rows, the
journal, checkpoints and the best adapter are those of a ReplyTrainer. The reference is the model
with the adapter off, or, where the run goes on from an adapter, with that one.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import Trainer

from chatui.train.config import TrainConfig
from chatui.train.worker.arguments import arguments
from chatui.train.worker.batches import Limits, pieces_of_step
from chatui.train.worker.measured import Measured, perplexity_of
from chatui.train.worker.pairs import Pair
from chatui.train.worker.saving import full_disk_in_words
from chatui.train.worker.trainer import ReplyTrainer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from trl import DPOConfig, DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference

_FIGURES = {"reward_margin": "rewards/margins", "reward_accuracy": "rewards/accuracies"}


def preference_arguments(folder: Path, config: TrainConfig, *, steps: int) -> DPOConfig:
    """The options of a run in the words of DPOTrainer."""
    return arguments(
        folder,
        config,
        steps=steps,
        kind=DPOConfig,
        beta=config.preference_beta,
        max_length=None,  # rows are cut when they are encoded
        disable_dropout=False,  # dropout is an option here, and off unless it is chosen
        bf16=False,  # the model computes in bfloat16 by itself, the adapter in float32
        gradient_checkpointing=config.activation_checkpointing == "on",
    )


class PreferenceTrainer(ReplyTrainer, DPOTrainer):
    """DPO over the planned steps, each pair with the same weight whatever batch it is in."""

    def __init__(
        self, steps: list[list[int]], limits: Limits, pad_id: int, base_name: str, **options: Any
    ) -> None:
        pairs: Sequence[Pair] = options.pop("train_dataset")
        self._collator = DataCollatorForPreference(pad_token_id=pad_id)
        self._share = 1.0  # of a step's pairs that the batch at hand holds
        self.pairs = 0
        self._rewards = dict.fromkeys(_FIGURES, 0.0)
        model = options["model"]
        learned = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
        options |= {
            "train_dataset": Dataset.from_list([pair.as_example() for pair in pairs]),
            "data_collator": self._collator,
        }
        super().__init__(steps, limits, pad_id, base_name, **options)
        for name, parameter in model.named_parameters():
            if name in learned:  # DPOTrainer rounds them to bfloat16, where small steps are lost
                parameter.data = learned[name]
        if all(float(p.abs().max()) == 0.0 for n, p in learned.items() if ".lora_B." in n):
            model.delete_adapter("ref")  # a copy of what changes nothing: the adapter off is that

    def _prepare_dataset(self, dataset: Any, *given: Any, **named: Any) -> Any:
        """They are tokens already, by the same encoder as everywhere."""
        return dataset

    @property
    def loss(self) -> float:
        """Nats per pair since `start_step`."""
        return self.nats / max(1, self.pairs)

    def figures(self) -> dict[str, float]:
        """The rewards of the pairs since `start_step`: their margin, and how often it is right."""
        return {name: total / max(1, self.pairs) for name, total in self._rewards.items()}

    def start_step(self) -> None:
        """Begin to count anew."""
        super().start_step()
        self.pairs, self._rewards = 0, dict.fromkeys(_FIGURES, 0.0)

    def get_train_dataloader(self) -> DataLoader:
        """The steps of the whole run, in their planned order; each is a list of batches."""
        return DataLoader(self.train_dataset, batch_sampler=self._steps, collate_fn=self._batches)

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Add up the gradients of the batches of a step; what it returns is their loss."""
        pairs = sum(_pairs_in(batch) for batch in inputs)
        losses = []
        for batch in inputs:
            self._share = _pairs_in(batch) / pairs
            losses.append(DPOTrainer.training_step(self, model, batch, pairs))
        self._share = 1.0
        return torch.stack(losses).sum()

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """DPO's loss of a batch, by its share of the step."""
        loss = DPOTrainer.compute_loss(self, model, inputs)
        pairs = _pairs_in(inputs)
        self._count(self._taken("train"), float(loss.detach()), pairs)
        self.reply_tokens += int(inputs["completion_mask"].sum())
        self.tokens += int(inputs["attention_mask"].sum())
        return loss * self._share

    def measured(self, rows: Mapping[int, Pair], sources: Sequence[str | None]) -> Measured:
        """Loss, rewards and the perplexity of the chosen replies, and the loss of each source."""
        names = {key: (sources[key] or "no source") if sources else "" for key in rows}
        apart = {
            name: self._measured([rows[key] for key in rows if names[key] == name])
            for name in dict.fromkeys(names.values())
        }
        pairs = sum(part["pairs"] for part in apart.values())
        whole = {
            key: sum(part[key] * part["pairs"] for part in apart.values()) / pairs
            for key in ("loss", "nats", "tokens", *_FIGURES)
        }
        by_source = {
            name: {"loss": part["loss"], "tokens": part["tokens"], "rows": part["pairs"]}
            for name, part in apart.items()
        }
        figures = {
            "perplexity": perplexity_of(whole["nats"] / whole["tokens"]),
            "pairs": pairs,
            "by_source": by_source if len(by_source) > 1 else {},
            **{name: whole[name] for name in _FIGURES},
        }
        margin = f"reward margin {whole['reward_margin']:.2f}"
        words = f"validation loss {whole['loss']:.3f} a pair, {margin}"
        return Measured(whole["loss"], figures, words)

    def _measured(self, pairs: Sequence[Pair]) -> dict[str, float]:
        """Means over some pairs; nats and tokens are of the chosen replies."""
        sums = dict.fromkeys(("loss", "nats", *_FIGURES), 0.0)
        was_training = self.model.training
        self.model.eval()
        try:
            for batch in self._batches([pair.as_example() for pair in pairs]):
                ready = self._prepare_inputs(batch)
                count = _pairs_in(ready)
                with torch.no_grad():
                    loss = DPOTrainer.compute_loss(self, self.model, ready)
                means = self._taken("eval")
                sums["loss"] += float(loss) * count
                sums["nats"] -= means["logps/chosen"] * count
                for name, theirs in _FIGURES.items():
                    sums[name] += means[theirs] * count
        finally:
            self.model.train(was_training)
        means = {name: total / len(pairs) for name, total in sums.items()}
        tokens = sum(len(pair.chosen) for pair in pairs)
        return means | {"tokens": tokens / len(pairs), "pairs": len(pairs)}

    def _batches(self, examples: Sequence[dict[str, list[int]]]) -> list[dict[str, torch.Tensor]]:
        """The batches that some pairs are read in: two rows of each."""
        lengths = [
            2 * (len(each["prompt_ids"]) + max(len(each["chosen_ids"]), len(each["rejected_ids"])))
            for each in examples
        ]
        limits = Limits(self._limits.rows, self._limits.tokens, packs=False)
        pieces = pieces_of_step(lengths, limits)
        return [self._collator([examples[number] for number in piece]) for piece in pieces]

    def _count(self, means: Mapping[str, float], loss: float, pairs: int) -> None:
        self.nats += loss * pairs
        self.pairs += pairs
        for name, theirs in _FIGURES.items():
            self._rewards[name] += means[theirs] * pairs

    def _taken(self, mode: str) -> dict[str, float]:
        """TRL's figures of the last batch; they are not kept."""
        means = {name: float(values[-1]) for name, values in self._metrics[mode].items()}
        self._metrics[mode].clear()
        return means

    def _save_checkpoint(self, *what: Any, **how: Any) -> None:
        """Save as Trainer does, without the model card that TRL writes."""
        with full_disk_in_words("the checkpoint"):
            Trainer._save_checkpoint(self, *what, **how)


def _pairs_in(batch: Mapping[str, torch.Tensor]) -> int:
    return len(batch["input_ids"]) // 2
