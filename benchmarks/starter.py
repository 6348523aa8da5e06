"""The bundled starter beside its first version, a 5-gram model, and other shapes of its size.

    python benchmarks/starter.py --corpus DIR [--quick] [--json]

DIR is the folder that the starter was trained from; 1 % of it was held out and is what everything
is measured on. Bits per byte: lower is better. The shapes are trained here by the same recipe, on a
tenth of the starter's tokens. Replies are greedy, in 4 bits, to the openings of held-out
conversations. Without --corpus only what needs no texts is measured: replies to the sample's
questions. The first version is taken from this repository's history.
"""

import argparse
import json
import math
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from five_gram import FiveGram  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from chatui.conversation import Turn  # noqa: E402
from chatui.data.prepare import prepare  # noqa: E402
from chatui.data.store import SAMPLE_FILE  # noqa: E402
from chatui.model.catalog import find_base  # noqa: E402
from chatui.model.engine import Engine  # noqa: E402
from chatui.model.requests import Request  # noqa: E402
from chatui.model.starter.corpus import Source, read_corpus  # noqa: E402
from chatui.model.starter.pretrain import Shape  # noqa: E402
from chatui.model.starter.tokens import encode  # noqa: E402
from chatui.model.starter.training import STAGES, Batches, Trainer, bits_per_byte  # noqa: E402

STARTER = ROOT / "chatui/model/starter"
GOAL = 1.20  # bits per byte
SHAPES = {
    "256 wide, 5 layers": Shape(),
    "192 wide, 10 layers": Shape(192, 10, 6, 3, 512),
    "320 wide, 3 layers": Shape(320, 3, 5, 5, 832),
}
# What a value has to reach, at least; each is "the other over ours" unless it says otherwise.
# Shapes that are trained once differ by about a percent from seed to seed.
TARGETS = {"goal": 1.0, "first version": 1.02, "5-gram": 1.1, "shape": 0.99, "distinct-2": 1.0}


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        first = _first_version(Path(folder))
        if options.corpus:
            sources = read_corpus(options.corpus)
            measured = _held_out(sources, first, options.quick)
            prompts = _openings(sources, 30 if options.quick else 100)
        else:
            measured = {}
            prompts = [c.turns[0].text for c in prepare(SAMPLE_FILE).conversations][:100]
        replies = {"starter": _replies(STARTER, prompts)}
        if first:
            replies["first version"] = _replies(first, prompts)
    result = {
        "ratios": _ratios(measured, replies, 0.8 if options.quick else 1.0),
        "bits_per_byte": {name: round(value, 4) for name, value in measured.items()},
        "replies": replies,
        "versions": {
            name: version(name) for name in ("torch", "transformers", "bitsandbytes", "numpy")
        }
        | {"python": platform.python_version()},
    }
    print(json.dumps(result, indent=None if options.json else 2))
    return 0 if all(ratio["ok"] for ratio in result["ratios"].values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="fewer rows, targets at 0.8")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    return parser.parse_args()


def _held_out(sources: list[Source], first: Path | None, quick: bool) -> dict[str, float]:
    """Bits per byte of everything on the held-out conversations."""
    tokenizer = AutoTokenizer.from_pretrained(STARTER)
    held_out = [messages for source in sources for messages in source.held_out]
    held_out = held_out[:: len(held_out) // 150 or 1] if quick else held_out
    measured = {"starter": _of_folder(STARTER, held_out)}
    if first:
        measured["first version"] = _of_folder(first, held_out)
    training = {s.name: encode(s.training[:: 10 if quick else 1], tokenizer) for s in sources}
    rows = encode(held_out, tokenizer)
    everything = torch.cat([tokens.ids for rows in training.values() for tokens in rows]).numpy()
    counted = FiveGram(everything, len(tokenizer))
    nats = counted.nats(np.concatenate([tokens.ids.numpy() for tokens in rows]))
    measured["5-gram"] = nats / math.log(2) / sum(tokens.bytes for tokens in rows)
    _say(measured)
    facts = json.loads((STARTER / "training.json").read_text())
    budget = 120_000 if quick else facts["training_tokens"] // 10
    for name, shape in SHAPES.items():
        torch.manual_seed(0)
        model = shape.build(tokenizer)
        stages = [Batches.of(stage, training, budget, 0) for stage in STAGES]
        trainer = Trainer(model, stages)
        trainer.run(lambda *_: None)
        measured[name] = bits_per_byte(model, rows)
        _say({f"{name}, {model.num_parameters():,} parameters": measured[name]})
        _say({f"{name}, tokens per second": trainer.tokens / trainer.seconds})
    return measured


def _ratios(
    measured: dict[str, float], replies: dict[str, dict[str, float]], eased: float
) -> dict[str, dict[str, object]]:
    found: dict[str, tuple[float, float]] = {}
    if measured:
        ours = measured["starter"]
        found["bits per byte, 1.20 over ours"] = (GOAL / ours, TARGETS["goal"])
        for name in {"first version", "5-gram"} & measured.keys():
            found[f"bits per byte, {name} over ours"] = (measured[name] / ours, TARGETS[name])
        chosen, *others = SHAPES
        for name in others:
            value = measured[name] / measured[chosen]
            found[f"bits per byte at a tenth, {name} over {chosen}"] = (value, TARGETS["shape"])
    found["share of replies that end, over 0.95"] = (replies["starter"]["ended"] / 0.95, 1.0)
    if "first version" in replies:
        value = replies["starter"]["distinct_2"] / replies["first version"]["distinct_2"]
        found["distinct-2, ours over the first version"] = (value, TARGETS["distinct-2"])
    return {
        name: {
            "value": round(value, 3),
            "target": round(target * eased, 3),
            "ok": value >= target * eased,
        }
        for name, (value, target) in sorted(found.items())
    }


def _of_folder(folder: Path, conversations: list[list[dict[str, str]]]) -> float:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return bits_per_byte(model, encode(conversations, AutoTokenizer.from_pretrained(folder)))


def _replies(folder: Path, prompts: list[str]) -> dict[str, float]:
    """How varied replies are, how much they repeat, and whether they end."""
    engine = Engine.open(find_base(str(folder)))
    said = engine.replies([Request((Turn("user", prompt),)) for prompt in prompts])
    words = [reply.text.lower().split() for reply in said]
    pairs = [pair for each in words for pair in zip(each, each[1:], strict=False)]
    return {
        "prompts": len(prompts),
        "distinct_2": round(len(set(pairs)) / max(1, len(pairs)), 4),
        "repeats_four_words": round(sum(map(_repeats, words)) / len(words), 4),
        "ended": sum(reply.ended == "end" for reply in said) / len(said),
        "words": round(sum(map(len, words)) / len(words), 1),
    }


def _repeats(words: list[str]) -> bool:
    fours = [tuple(words[n : n + 4]) for n in range(len(words) - 3)]
    return len(set(fours)) < len(fours)


def _openings(sources: list[Source], count: int) -> list[str]:
    """What people open with, the same number from each source."""
    share = -(-count // len(sources))
    openings = [
        next(turn["content"] for turn in messages if turn["role"] == "user")
        for source in sources
        for messages in source.held_out[:share]
    ]
    return openings[:count]


def _first_version(folder: Path) -> Path | None:
    """The starter as it was first committed, or None where there is no history."""
    weights = "chatui/model/starter/model.safetensors"
    git = ["git", "-C", str(ROOT)]
    log = [*git, "log", "--diff-filter=A", "--format=%H", "--", weights]
    found = subprocess.run(log, capture_output=True, text=True, check=False).stdout.split()
    if not found:
        _say({"first version": "not in this copy's history"})
        return None
    for name in (
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "generation_config.json",
    ):
        show = [*git, "show", f"{found[-1]}:{Path(weights).parent / name}"]
        (folder / name).write_bytes(subprocess.run(show, capture_output=True, check=True).stdout)
    return folder


def _say(facts: dict[str, object]) -> None:
    for name, value in facts.items():
        print(
            f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}: {value}",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
