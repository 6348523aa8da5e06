"""Train the starter model from scratch: a folder of conversations in, a chat model out.

    python -m chatui.model.starter.pretrain CORPUS_DIR OUT_DIR [--tokens 16000000]

CORPUS_DIR holds `*.jsonl` or `*.jsonl.gz` files with one `{"messages": [...]}` a line. One percent
of every file, chosen by the conversation's hash, is held out and never trained on: the bits per
byte in OUT_DIR/training.json are measured on it. Tokenizer, pretraining on packed windows, chat
tuning on the replies; the same seed gives the same model. The same command goes on where a stopped
one was.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from chatui.model.starter.corpus import Source, read_corpus
from chatui.model.starter.tokens import CONTEXT, encode, train_tokenizer
from chatui.model.starter.training import STAGES, Batches, Stage, Trainer, bits_per_byte

VOCABULARY = 4096


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Llama.

    Every linear layer has in_features divisible by 64 and out_features by 32: the packed 4-bit CPU
    kernel of bitsandbytes works on nothing else.
    """

    width: int = 256
    layers: int = 5
    heads: int = 4
    key_value_heads: int = 2
    feed_forward: int = 704

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """From "256,5,4,2,704"."""
        return cls(*(int(part) for part in text.split(",")))

    def build(self, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
        """A model with random weights."""
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=self.width,
                num_hidden_layers=self.layers,
                num_attention_heads=self.heads,
                num_key_value_heads=self.key_value_heads,
                intermediate_size=self.feed_forward,
                max_position_embeddings=CONTEXT,
                tie_word_embeddings=True,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                bos_token_id=None,
            )
        )


def main() -> None:
    options = _options()
    torch.manual_seed(options.seed)
    sources = read_corpus(options.corpus)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(sources, options)
    model = options.shape.build(tokenizer).to("cuda" if torch.cuda.is_available() else "cpu")
    encoded = {source.name: encode(source.training, tokenizer) for source in sources}
    stages = [Batches.of(stage, encoded, options.tokens, options.seed) for stage in STAGES]
    checkpoint = options.out / "checkpoint.pt"
    trainer = Trainer(model, stages, checkpoint)
    trainer.resume()
    if options.compile:
        trainer.compile()
    once = sum(len(tokens.ids) for rows in encoded.values() for tokens in rows)
    print(
        f"{sum(map(len, encoded.values())):,} conversations of {once:,} tokens; "
        f"{trainer.tokens:,} to train on, from step {trainer.step} of {trainer.steps}",
        flush=True,
    )
    try:
        trainer.run(lambda *facts: _print_progress(trainer, *facts))
    except KeyboardInterrupt:
        trainer.save()
        raise SystemExit(f"Stopped at step {trainer.step}: the same command goes on.") from None

    facts = {
        "parameters": model.num_parameters(),
        "training_tokens": trainer.tokens,
        "distinct_tokens": once,
        "seconds": round(trainer.seconds),
        **_measured(model, sources, tokenizer),
    }
    print(json.dumps(facts), flush=True)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.to("cpu", torch.bfloat16).save_pretrained(options.out)
    (options.out / "training.json").write_text(json.dumps(facts, indent=2) + "\n")
    checkpoint.unlink(missing_ok=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, metavar="CORPUS_DIR")
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument(
        "--tokens", type=int, default=16_000_000, help="to train on, repeats counted"
    )
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY)
    parser.add_argument(
        "--shape", type=Shape.parse, default=Shape(), help="width,layers,heads,key-value heads,FFN"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="faster; needs a C++ compiler")
    return parser.parse_args()


def _tokenizer(sources: list[Source], options: argparse.Namespace) -> PreTrainedTokenizerFast:
    """The one of an earlier start, or a new one."""
    if (options.out / "tokenizer.json").exists():
        return PreTrainedTokenizerFast.from_pretrained(options.out)
    texts = (turn["content"] for s in sources for messages in s.training for turn in messages)
    tokenizer = train_tokenizer(texts, options.vocabulary)
    tokenizer.save_pretrained(options.out)
    return tokenizer


def _measured(
    model: LlamaForCausalLM, sources: list[Source], tokenizer: PreTrainedTokenizerFast
) -> dict[str, object]:
    held_out = {source.name: encode(source.held_out, tokenizer) for source in sources}
    everything = [tokens for rows in held_out.values() for tokens in rows]
    return {
        "held_out_conversations": len(everything),
        "held_out_bits_per_byte": round(bits_per_byte(model, everything), 4),
        "held_out_bits_per_byte_by_source": {
            name: round(bits_per_byte(model, rows), 4) for name, rows in held_out.items() if rows
        },
    }


def _print_progress(trainer: Trainer, stage: Stage, loss: float, tokens_per_second: float) -> None:
    per_step = trainer.tokens / trainer.steps
    minutes = (trainer.steps - trainer.step) * per_step / tokens_per_second / 60
    print(
        f"{stage.name}: step {trainer.step} of {trainer.steps}, loss {loss:.3f}, "
        f"{tokens_per_second:,.0f} tokens per second, {minutes:.1f} min left",
        flush=True,
    )


if __name__ == "__main__":
    main()
