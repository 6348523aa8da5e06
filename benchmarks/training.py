"""How fast and in how little memory an adapter learns, beside TRL's SFTTrainer.

    python benchmarks/training.py [--quick] [--json] [--shape NAME ...] [--gpu]

The same random chat rows (lognormal lengths), the same 4-bit base, adapter, seed and tokens per
optimizer step for everybody; only real tokens count. Each side runs in a process of its own, the
sides take turns, and medians are compared: tokens per second of the processor on one thread, with
the whole run also on the wall on two. The first step warms up; memory is counted above the loaded
base. None of this counts unless the gradients are right, so they are measured first.

With --gpu everything runs on the first CUDA device, on shapes of 0.5, 1.5 and 8 billion
parameters, in tokens per second on the wall, with the share of what the device could do at best
(--peak-tflops, in bfloat16).
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from sides import EASED, answer_here, parser, ratio, run_side, tell, versions

SIDES = ("ours", "ours, low memory", "TRL", "TRL packing")
_ROWS_PER_STEP = {False: 8, True: 64}  # on a GPU more, for everybody


def main() -> int:
    options = _options()
    if options.side:
        return answer_here(lambda: _side(options))
    result: dict[str, dict] = {
        "ratios": {},
        "measured": {},
        "versions": versions("torch", "transformers", "peft", "bitsandbytes", "trl", "accelerate"),
    }
    for shape in options.shape or (("0.5B", "1.5B", "8B") if options.gpu else ("starter", "135M")):
        with tempfile.TemporaryDirectory() as folder:
            ratios, measured = _compare(shape, Path(folder), options)
        result["ratios"] |= ratios
        result["measured"][shape] = measured
    return tell(result, options.json)


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--peak-tflops", type=float, default=790.0, help="of the GPU, bfloat16")
    return options.parse_args()


def _compare(shape: str, folder: Path, options: argparse.Namespace) -> tuple[dict, dict]:
    rows = _ROWS_PER_STEP[options.gpu] * (3 if options.quick else 5)
    made = run_side(shape, f"make {rows}", folder, options)
    wrong = run_side(shape, "gradients", folder, options)
    _say(f"{shape}: gradients {wrong}")
    ratios = {
        f"{shape}: 1e-5 over the error of gradients in float32": ratio(
            1e-5 / wrong["ours, float32"], 1.0
        ),
        f"{shape}: error in bfloat16, unpacked over ours": ratio(
            wrong["unpacked, bfloat16"] / wrong["ours, bfloat16"], 1 / 1.1
        ),
    }
    measured: dict[str, object] = {"gradients": wrong}
    if not all(ratio["ok"] for ratio in ratios.values()):
        return ratios, measured
    eased = EASED if options.quick else 1.0
    clocks = ["seconds"] if options.gpu else ["cpu_seconds"]
    clocks += ["seconds"] if not (options.quick or options.gpu) else []
    for clock in clocks:
        found = _in_turns(shape, folder, clock, options)
        named = "wall, two threads" if clock == "seconds" and not options.gpu else ""
        measured[named or "one thread" if not options.gpu else "GPU"] = found
        ratios |= _judged(" ".join([shape, named]).strip(), found, eased, options.gpu)
        if options.gpu:
            floor = made["flops_per_token"] / (options.peak_tflops * 1e12)
            measured["share of the floor"] = round(found["ours"]["rate"] * floor, 3)
    return ratios, measured


def _in_turns(shape: str, folder: Path, clock: str, options: argparse.Namespace) -> dict:
    """Medians of each side's tokens per second and MB."""
    threads = "2" if clock == "seconds" and not options.gpu else "1"
    found: dict[str, list[dict]] = {side: [] for side in SIDES}
    for _ in range(1 if options.quick else 3):
        for side in SIDES:
            took = run_side(shape, side, folder, options, threads=threads)
            rate = took["tokens"] / took[clock]
            found[side].append({"rate": rate, "peak_mb": took["peak_mb"]})
            _say(f"{shape}, {side}: {rate:.1f} tokens/s, {took['peak_mb']:.0f} MB")
    return {
        side: {
            name: round(statistics.median(each[name] for each in rounds), 1)
            for name in ("rate", "peak_mb")
        }
        for side, rounds in found.items()
    }


def _judged(shape: str, found: dict, eased: float, gpu: bool) -> dict:
    def over(one: str, other: str, name: str) -> float:
        return found[one][name] / found[other][name]

    faster, than_packing = (3.0, 1.3) if gpu else (5.0, 2.0)
    ours, low, trl, packing = SIDES
    ratios = {
        f"{shape}: speed, ours over TRL": (over(ours, trl, "rate"), faster),
        f"{shape}: speed, ours over TRL packing": (over(ours, packing, "rate"), than_packing),
        f"{shape}: memory, TRL over ours": (over(trl, ours, "peak_mb"), 1 / 0.5),
        f"{shape}: speed in low memory over TRL": (over(low, trl, "rate"), 0.7 * faster),
        f"{shape}: memory, TRL over ours in low memory": (over(trl, low, "peak_mb"), 1 / 0.3),
    }
    return {name: ratio(value, target * eased) for name, (value, target) in ratios.items()}


def _side(options: argparse.Namespace) -> dict:
    from training_sides import models

    (shape,) = options.shape
    rows, base = options.folder / "rows.json", options.folder / "base"
    if options.side.startswith("make"):
        models.make_base(shape, base)
        count = int(options.side.split()[1])
        tokens = models.make_rows(count, models.vocabulary_of(shape), rows)
        floor = models.SHAPES[shape].flops_per_token(0.55) if shape in models.SHAPES else None
        return {"tokens": tokens, "flops_per_token": floor}
    base = base if base.exists() else models.STARTER_FOLDER
    if options.side == "gradients":
        from training_sides.gradients import errors

        return errors(base, rows, 8)
    per_step = _ROWS_PER_STEP[options.gpu]
    if options.side.startswith("ours"):
        from training_sides import ours

        from chatui.settings import quiet_environment

        quiet_environment()  # as its worker finds it
        checkpointing = "on" if "low" in options.side else "off"
        tokens = 16_384 if options.gpu else 2048
        return ours.train(
            base, rows, rows_per_step=per_step, checkpointing=checkpointing, tokens=tokens
        )
    from training_sides import peers

    if options.side == "TRL":
        return peers.train(base, rows, rows_per_step=per_step)
    # A bin of 1024 tokens holds about eight rows.
    return peers.train(
        base, rows, rows_per_step=per_step // 8, packing=True, gradient_checkpointing=False
    )


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
