"""The worker's own loading, adapter, steps and loss, without journal, evaluation and saving."""

import tempfile
from pathlib import Path

from chatui.model.catalog import find_base
from chatui.model.loading import load_base
from chatui.model.packed import packs
from chatui.train.config import TrainConfig
from chatui.train.worker.adapting import with_adapter
from chatui.train.worker.arguments import arguments
from chatui.train.worker.batches import Limits, plan_steps
from chatui.train.worker.trainer import ReplyTrainer
from chatui.train.worker.training import learning
from training_sides.measuring import Meter
from training_sides.models import read_rows


def train(
    base: Path, rows_file: Path, *, rows_per_step: int, checkpointing: str, tokens: int
) -> dict:
    rows = read_rows(rows_file)
    config = TrainConfig(
        batch_size=rows_per_step,
        batch_tokens=tokens,
        activation_checkpointing=checkpointing,
    )
    loaded = load_base(find_base(str(base)))
    model = with_adapter(loaded.model, config)
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder, learning(model, config):
        trainer = ReplyTrainer(
            steps=plan_steps(len(rows), rows_per_step=rows_per_step, epochs=1, seed=0),
            limits=Limits(config.batch_size, config.batch_tokens, packs(model)),
            pad_id=loaded.pad_id,
            base_name="base",
            model=model,
            args=arguments(Path(folder), config),
            train_dataset=rows,
            data_collator=lambda rows: rows,
            callbacks=[meter],
        )
        step = trainer.training_step

        def counted(model, batches, *rest):
            meter.read(sum(batch["input_ids"].numel() for batch in batches))
            return step(model, batches, *rest)

        trainer.training_step = counted
        trainer.train()
    return meter.result()
