"""Say how a number was made: two scores can be compared only if their signatures are equal."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from chatui import __version__
from chatui.model.decoding import Decoding
from chatui.score.config import ScoreConfig
from chatui.statistics import RESAMPLES

_LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "sacrebleu", "numpy")


def versions() -> dict[str, str]:
    """chatui and the libraries that the figures depend on, without importing them."""
    return {"chatui": __version__} | {name: _version(name) for name in _LIBRARIES}


def signature(
    config: ScoreConfig, hashes: Mapping[str, str], metrics: Mapping[str, str], n: int
) -> str:
    """One line that names test items, template, decoding, metrics, seed and versions."""
    parts: dict[str, object] = {
        "dataset": config.dataset,
        config.split: config.test_hash[:12],
        "items": f"{n}:{hashes['items'][:12]}",
        "base": hashes["base"][:12],
        "template": hashes["template"][:12],
        "decoding": decoding_in_words(config.decoding),
        "seed": config.seed,
        "intervals": f"bootstrap {RESAMPLES} over items, 95 %",
        "perplexity": "pooled over reply tokens with end of turn",
        "bits_per_byte": "bits of those tokens / UTF-8 bytes of the reference",
        "token_accuracy": "share of those tokens that were the likeliest",
        **metrics,
        **versions(),
    }
    return "; ".join(f"{name}={value}" for name, value in parts.items())


def decoding_in_words(decoding: Decoding) -> str:
    """`greedy, at most 128 tokens`; other settings by name."""
    longest = f"at most {decoding.max_new_tokens} tokens"
    if decoding.is_greedy:
        drawn = "greedy"
    else:
        drawn = f"temperature {decoding.temperature:g}, top_p {decoding.top_p:g}"
        drawn += f", top_k {decoding.top_k}" if decoding.top_k else ""
    if decoding.repetition_penalty != 1:
        drawn += f", repetition penalty {decoding.repetition_penalty:g}"
    return f"{drawn}, {longest}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
