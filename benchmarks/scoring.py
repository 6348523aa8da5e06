"""How fast and in how little memory replies are scored, and many of them written.

    python benchmarks/scoring.py [--quick] [--json] [--shape NAME ...] [--gpu]

Likelihoods of random chat rows: chatui's engine beside padded batches of 16 in file order with all
logits in float32. Replies to random prompts, of 4 to 24 tokens, with an adapter and without: beside
`generate` for one item after the other. The same 4-bit model and the same rows for everybody; each
side runs in a process of its own, the sides take turns, and medians are compared: tokens per second
of the processor on one thread (with --gpu on the wall), and memory above the loaded model. No
figure counts unless the perplexities agree. At last the share of the starter's greedy replies that
are the same written alone and 16 at a time.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from sides import EASED, answer_here, parser, ratio, run_side, tell, versions

# What is done, and how many times the tokens per second of the plain way it should reach.
FASTER = {"likelihoods": 4.0, "replies with an adapter": 3.0, "replies of the base": 2.2}
SMALLER = 4.0  # times the memory of likelihoods
_AGREE = 0.005  # of the perplexity: batches in bfloat16 round otherwise
_SAME = 0.99  # of the greedy texts


def main() -> int:
    options = parser(__doc__).parse_args()
    if options.side:
        return answer_here(lambda: _side(options))
    named = versions("torch", "transformers", "peft", "bitsandbytes")
    result: dict[str, dict] = {"ratios": {}, "measured": {}, "versions": named}
    for shape in options.shape or (("0.5B", "8B") if options.gpu else ("135M",)):
        with tempfile.TemporaryDirectory() as folder:
            ratios, measured = _compare(shape, Path(folder), options)
        result["ratios"] |= ratios
        result["measured"][shape] = measured
    return tell(result, options.json)


def _compare(shape: str, folder: Path, options: argparse.Namespace) -> tuple[dict, dict]:
    run_side(shape, "make", folder, options)
    eased = EASED if options.quick else 1.0
    found: dict[str, dict[str, list[dict]]] = {}
    for _ in range(1 if options.quick else 3):
        for what in FASTER:
            for side in ("ours", "plain"):
                took = run_side(shape, f"{side}: {what}", folder, options)
                found.setdefault(what, {}).setdefault(side, []).append(took)
                rate = _rate(took, options)
                _say(f"{shape}, {side}: {what} {rate:.1f} tokens/s, {took['peak_mb']:.0f} MB")
    scored = found["likelihoods"]
    ours, plain = (scored[side][0]["found"] for side in ("ours", "plain"))
    ratios = {
        f"{shape}: agreement of perplexities": ratio(_AGREE / max(1e-9, abs(ours / plain - 1)), 1.0)
    }
    for what, target in FASTER.items():
        rates = [_median(found[what][side], options) for side in ("ours", "plain")]
        ratios[f"{shape}: {what}, ours over plain"] = ratio(rates[0] / rates[1], target * eased)
    memory = [statistics.median(e["peak_mb"] for e in scored[s]) for s in ("plain", "ours")]
    ratios[f"{shape}: memory of likelihoods, plain over ours"] = ratio(
        memory[0] / memory[1], SMALLER * eased
    )
    same = run_side("starter", "equal", folder, options)
    ratios["starter: greedy replies alone and 16 at a time"] = ratio(same["found"], _SAME)
    return ratios, {**found, "equal texts": same}


def _median(rounds: list[dict], options: argparse.Namespace) -> float:
    return statistics.median(_rate(each, options) for each in rounds)


def _rate(took: dict, options: argparse.Namespace) -> float:
    return took["tokens"] / took["seconds" if options.gpu else "cpu_seconds"]


def _side(options: argparse.Namespace) -> dict:
    from chat_sides import asking

    from chatui.settings import quiet_environment

    quiet_environment()
    (shape,) = options.shape
    if options.side == "make":
        return asking.make(shape, options.folder)
    from scoring_sides import ours, plain

    if options.side == "equal":
        return ours.equal_texts(options.folder, 100 if options.quick else 400)
    side, _, what = options.side.partition(": ")
    way = {"ours": ours, "plain": plain}[side]
    if what == "likelihoods":
        return way.likelihoods(shape, options.folder, 32 if options.quick else 64)
    count = 24 if options.quick else 64
    return way.replies(shape, options.folder, count, adapter=what == "replies with an adapter")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
