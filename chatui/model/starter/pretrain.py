"""Train the starter model from scratch: a folder of conversations in, a chat model out.

    python -m chatui.model.starter.pretrain CORPUS_DIR OUT_DIR [--tokens 8000000]

CORPUS_DIR holds `*.jsonl` or `*.jsonl.gz` files with one `{"messages": [...]}` a line. One percent
of every file, chosen by the conversation's hash, is held out and never trained on: the bits per
byte in OUT_DIR/training.json are measured on it.
"""

import argparse
import gzip
import hashlib
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL_TOKENS = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "<|assistant|>{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{%- else -%}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)
VOCABULARY = 4096
# Every linear layer has in_features divisible by 64 and out_features by 32: the packed 4-bit CPU
# kernel of bitsandbytes works on nothing else.
SHAPE = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 8,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "max_position_embeddings": 1024,
}
# Files with few distinct replies would teach the model to parrot: only a share of them is used.
SHARES = {"personality-chat": 0.25}
HELD_OUT_PERCENT = 1
SEQUENCE = 512


@dataclass(frozen=True, slots=True)
class Corpus:
    """Conversations as text, split once and for all by hash."""

    training: list[list[dict[str, str]]]
    held_out: list[list[dict[str, str]]]

    @classmethod
    def read(cls, folder: Path) -> "Corpus":
        training: list[list[dict[str, str]]] = []
        held_out: list[list[dict[str, str]]] = []
        for path in sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")]):
            share = next((s for name, s in SHARES.items() if path.name.startswith(name)), 1.0)
            for messages in _read_file(path):
                draw = int(hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:8], 16)
                if draw % 100 < HELD_OUT_PERCENT:
                    held_out.append(messages)
                elif (draw // 100) % 1000 < share * 1000:
                    training.append(messages)
        return cls(training, held_out)


def _read_file(path: Path) -> Iterator[list[dict[str, str]]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            yield json.loads(line)["messages"]


def train_tokenizer(conversations: list[list[dict[str, str]]]) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer: any text in any script survives encode and decode."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (turn["content"] for messages in conversations for turn in messages)
    tokenizer.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        model_max_length=SHAPE["max_position_embeddings"],
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def encode(
    conversations: list[list[dict[str, str]]], tokenizer: PreTrainedTokenizerFast
) -> torch.Tensor:
    """One long row of token ids, the conversations one after the other."""
    texts = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in conversations]
    rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return torch.tensor([token for row in rows for token in row], dtype=torch.long)


def bits_per_byte(
    model: LlamaForCausalLM, tokens: torch.Tensor, tokenizer: PreTrainedTokenizerFast
) -> float:
    """Negative log2-likelihood of the held-out row per UTF-8 byte of its text (not of markers)."""
    windows = tokens[: len(tokens) // SEQUENCE * SEQUENCE].view(-1, SEQUENCE)
    text = tokenizer.batch_decode(windows, skip_special_tokens=True)
    nats = 0.0
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for batch in windows.split(16):
            nats += model(batch, labels=batch).loss.item() * batch.shape[0] * (SEQUENCE - 1)
    model.train()
    return nats / math.log(2) / sum(len(part.encode()) for part in text)


def optimizers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings and norms."""
    layers = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(layers, lr=0.01, weight_decay=0.05, adjust_lr_fn="original"),
        torch.optim.AdamW(rest, lr=4e-3, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def schedule(step: int, steps: int) -> float:
    """Share of the learning rate: warm up over 2 %, hold, and fall to zero over the last 40 %."""
    return min(1.0, (step + 1) / (0.02 * steps), max(0.0, (steps - step) / (0.4 * steps)))


def train(model: LlamaForCausalLM, tokens: torch.Tensor, budget: int, batch: int) -> None:
    """Run packed pretraining for `budget` tokens, in windows drawn without replacement."""
    steps = budget // (batch * SEQUENCE)
    windows = tokens[: len(tokens) // SEQUENCE * SEQUENCE].view(-1, SEQUENCE)
    order: list[int] = []
    both = optimizers(model)
    base_rates = [group["lr"] for optimizer in both for group in optimizer.param_groups]
    started = time.monotonic()
    for step in range(steps):
        if len(order) < batch:
            order += random.sample(range(len(windows)), len(windows))
        rows, order = windows[order[:batch]], order[batch:]
        groups = [group for optimizer in both for group in optimizer.param_groups]
        for group, rate in zip(groups, base_rates, strict=True):
            group["lr"] = rate * schedule(step, steps)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(rows, labels=rows).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in both:
            optimizer.step()
            optimizer.zero_grad()
        if step % 20 == 0:
            gone = time.monotonic() - started
            left = gone / (step + 1) * (steps - step - 1)
            print(
                f"step {step}/{steps}  loss {loss.item():.3f}  "
                f"{(step + 1) * batch * SEQUENCE / gone:.0f} tokens/s  {left / 60:.1f} min left",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, default=8_000_000, help="how many tokens to train on")
    parser.add_argument("--batch", type=int, default=8, help=f"windows of {SEQUENCE} tokens a step")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    random.seed(options.seed)
    torch.manual_seed(options.seed)
    started = time.monotonic()
    corpus = Corpus.read(options.corpus)
    random.shuffle(corpus.training)
    tokenizer = train_tokenizer(corpus.training)
    tokens, held_out = encode(corpus.training, tokenizer), encode(corpus.held_out, tokenizer)
    print(f"{len(corpus.training)} conversations, {len(tokens)} tokens", flush=True)
    ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
    }
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=VOCABULARY, tie_word_embeddings=True, **SHAPE, **ids)
    )
    train(model, tokens, options.tokens, options.batch)
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "training_tokens": options.tokens,
        "seconds": round(time.monotonic() - started),
        "held_out_conversations": len(corpus.held_out),
        "held_out_bits_per_byte": round(bits_per_byte(model, held_out, tokenizer), 4),
    }
    print(json.dumps(facts), flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(options.out)
    tokenizer.save_pretrained(options.out)
    (options.out / "training.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
