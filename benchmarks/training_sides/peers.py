"""TRL's SFTTrainer with the same rows, replies, adapter and 4-bit base, as its guides show it."""

import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoTokenizer, BitsAndBytesConfig
from trl import SFTConfig, SFTTrainer

from training_sides.measuring import Meter
from training_sides.models import read_rows


def train(base: Path, rows_file: Path, *, rows_per_step: int, **options) -> dict:
    rows = Dataset.from_list(
        [
            {"input_ids": row.ids, "completion_mask": [int(reply) for reply in row.is_reply]}
            for row in read_rows(rows_file)
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=str(base),
            args=SFTConfig(
                output_dir=folder,
                num_train_epochs=1,
                per_device_train_batch_size=rows_per_step,
                completion_only_loss=True,
                model_init_kwargs={"quantization_config": _four_bits()},
                use_cpu=not torch.cuda.is_available(),
                learning_rate=6e-3,
                seed=0,
                logging_strategy="no",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                dataloader_pin_memory=False,
                **options,
            ),
            train_dataset=rows,
            processing_class=AutoTokenizer.from_pretrained(base),
            peft_config=LoraConfig(
                task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear"
            ),
        )
        meter = Meter()
        trainer.add_callback(meter)
        step = trainer.training_step

        def counted(model, inputs, *rest):
            mask = inputs.get("attention_mask")
            meter.read(int(mask.sum()) if mask is not None else inputs["input_ids"].numel())
            return step(model, inputs, *rest)

        trainer.training_step = counted
        trainer.train()
    return meter.result()


def _four_bits() -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
