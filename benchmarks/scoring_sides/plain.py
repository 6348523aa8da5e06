"""As one writes it first: padded batches of 16 in file order, and `generate` for each item."""

from pathlib import Path

import torch
from chat_sides.asking import base_of
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from scoring_sides.items import measured, prompts, token_rows

_BATCH = 16


def likelihoods(shape: str, folder: Path, count: int) -> dict:
    model = _model(shape, folder, adapter=False)
    rows = token_rows(count, model.config.vocab_size)
    return measured(lambda: _perplexity(model, rows), sum(len(ids) for ids, _ in rows))


def replies(shape: str, folder: Path, count: int, *, adapter: bool) -> dict:
    model = _model(shape, folder, adapter=adapter)
    asked = prompts(count, model.config.vocab_size)

    def write() -> float:
        for ids, tokens in asked:
            given = torch.tensor([ids], device=model.device)
            model.generate(
                given,
                attention_mask=torch.ones_like(given),
                max_new_tokens=tokens,
                min_new_tokens=tokens,
                do_sample=False,
            )
        return 0.0

    return measured(write, sum(tokens for _, tokens in asked))


@torch.no_grad()
def _perplexity(model, rows: list[tuple[list[int], int]]) -> float:
    nats = tokens = 0.0
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        longest = max(len(ids) for ids, _ in batch)
        ids = torch.tensor([row + [0] * (longest - len(row)) for row, _ in batch])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row, _ in batch])
        wanted = mask.bool()
        for i, (_, begins) in enumerate(batch):
            wanted[i, :begins] = False
        ids, mask, wanted = (part.to(model.device) for part in (ids, mask, wanted))
        logits = model(ids, attention_mask=mask).logits.float()
        losses = torch.nn.functional.cross_entropy(
            logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none"
        )
        nats += float((losses * wanted[:, 1:]).sum())
        tokens += float(wanted[:, 1:].sum())
    return nats / tokens


def _model(shape: str, folder: Path, *, adapter: bool):
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(
        base_of(shape, folder),
        dtype=torch.bfloat16,
        quantization_config=config,
        device_map={"": 0 if torch.cuda.is_available() else "cpu"},
    )
    if adapter:
        model = PeftModel.from_pretrained(model, folder / "adapter")
    return model.eval()
