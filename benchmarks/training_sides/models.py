"""Random models of known shapes, and random chat rows: speed asks for nothing else."""

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from chatui.model.catalog import STARTER_FOLDER
from chatui.model.encoding import EncodedRow

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@dataclass(frozen=True)
class Shape:
    """A Llama: hidden size, inner size, layers, heads, key heads, vocabulary, tied head."""

    hidden: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int
    tied: bool = True

    def config(self) -> LlamaConfig:
        return LlamaConfig(
            hidden_size=self.hidden,
            intermediate_size=self.inner,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_heads,
            vocab_size=self.vocabulary,
            max_position_embeddings=2048,
            tie_word_embeddings=self.tied,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=4,
        )

    def flops_per_token(self, reply_share: float) -> float:
        """What cannot be saved: the base's forward and backward pass, the head at replies only."""
        size = self.hidden // self.heads
        layer = (
            2 * self.hidden * size * (self.heads + self.key_heads) + 3 * self.hidden * self.inner
        )
        return 4.0 * (self.layers * layer + self.vocabulary * self.hidden * reply_share)


SHAPES = {
    "135M": Shape(576, 1536, 30, 9, 3, 49_152),
    "0.5B": Shape(896, 4864, 24, 14, 2, 151_936),
    "1.5B": Shape(1536, 8960, 28, 12, 2, 151_936),
    "8B": Shape(4096, 14_336, 32, 32, 8, 128_256, tied=False),
}


def make_base(name: str, folder: Path) -> Path:
    """A folder with a model of a shape, or the starter's own."""
    if name == "starter":
        return STARTER_FOLDER
    folder.mkdir(parents=True)
    for file in _TOKENIZER_FILES:
        shutil.copy(STARTER_FOLDER / file, folder / file)
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.bfloat16)
        LlamaForCausalLM(SHAPES[name].config()).save_pretrained(folder)
        torch.set_default_dtype(before)
    return folder


def make_rows(count: int, vocabulary: int, path: Path) -> int:
    """Write rows of lognormal lengths, of which 40 to 70 % are reply; gives their tokens."""
    draw = random.Random(0)
    rows = []
    for _ in range(count):
        tokens = max(24, min(512, round(draw.lognormvariate(4.7, 0.7))))  # median 110
        prompt = round(tokens * draw.uniform(0.3, 0.6))
        ids = [draw.randrange(10, vocabulary) for _ in range(tokens)]
        rows.append({"ids": ids, "is_reply": [n >= prompt for n in range(tokens)]})
    path.write_text(json.dumps(rows))
    return sum(len(row["ids"]) for row in rows)


def read_rows(path: Path) -> list[EncodedRow]:
    return [EncodedRow(**row) for row in json.loads(path.read_text())]


def vocabulary_of(name: str) -> int:
    if name in SHAPES:
        return SHAPES[name].vocabulary
    return int(AutoModelForCausalLM.from_pretrained(STARTER_FOLDER).config.vocab_size)
