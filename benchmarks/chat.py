"""How many tokens a second several visitors get together, and how soon the first one comes.

    python benchmarks/chat.py [--quick] [--json] [--shape NAME ...] [--gpu]

The same random model in 4 bits with the same adapter, the same questions and the same number of
new tokens for everybody, greedily. At 1, 8 and 32 visitors who all ask at the same moment: chatui's
engine, transformers' own streaming with a lock around it, and `transformers serve
--continuous-batching`. Each side runs in a process of its own, the sides take turns, and medians
are compared: tokens per second of the serving process's processor time on one thread, with the
whole run also on the wall on two. Then, with the engine alone: the seconds to the first token after
a history of 600 tokens that was read before, and without; and what it takes to change adapters.

With --gpu everything runs on the first CUDA device, on shapes of 0.5 and 8 billion parameters, on
the wall, with the share of what the device's memory could do at best (--bandwidth).
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from sides import EASED, answer_here, parser, ratio, run_side, tell, versions

SIDES = ("ours", "lock", "serve")
VISITORS = {1: 1.0, 8: 2.2, 32: 3.5}  # and how many times the lock's tokens they should get
SOONER = {"starter": 3.0}  # how many times sooner the first token should come
_SWITCH_SECONDS = 0.05


def main() -> int:
    options = _options()
    if options.side:
        return answer_here(lambda: _side(options))
    result: dict[str, dict] = {
        "ratios": {},
        "measured": {},
        "versions": versions("torch", "transformers", "peft", "bitsandbytes"),
    }
    for shape in options.shape or (("0.5B", "8B") if options.gpu else ("135M", "starter")):
        with tempfile.TemporaryDirectory() as folder:
            ratios, measured = _compare(shape, Path(folder), options)
        result["ratios"] |= ratios
        result["measured"][shape] = measured
    return tell(result, options.json)


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--bandwidth", type=float, default=4.8, help="of the GPU, in TB/s")
    return options.parse_args()


def _compare(shape: str, folder: Path, options: argparse.Namespace) -> tuple[dict, dict]:
    made = run_side(shape, "make", folder, options)
    eased = EASED if options.quick else 1.0
    measured: dict[str, object] = {}
    ratios: dict[str, dict] = {}
    if shape != "starter":  # which is too small to be worth serving
        for clock in _clocks(options):
            found = _in_turns(shape, folder, clock, options)
            measured[clock] = found
            ratios |= _judged(f"{shape} {clock}", found, eased)
            if options.gpu:
                best = options.bandwidth * 1e12 / made["bytes"]
                measured["share of the floor at one visitor"] = round(found["ours"]["1"] / best, 3)
    alone = [run_side(shape, "first", folder, options) for _ in range(1 if options.quick else 3)]
    first = {name: statistics.median(each[name] for each in alone) for name in alone[0]}
    measured["first token and switch, seconds"] = first
    sooner = first["unread"] / first["read"]
    ratios[f"{shape}: first token after 600 tokens, unread over read"] = ratio(
        sooner, SOONER.get(shape, 6.0) * eased
    )
    ratios[f"{shape}: 50 ms over a change of adapters"] = ratio(
        _SWITCH_SECONDS / first["switch"], 1.0
    )
    return ratios, measured


def _clocks(options: argparse.Namespace) -> list[str]:
    if options.gpu:
        return ["wall"]
    return ["processor"] if options.quick else ["processor", "wall"]


def _in_turns(shape: str, folder: Path, clock: str, options: argparse.Namespace) -> dict:
    """Medians of each side's tokens per second, by the number of visitors."""
    threads = "1" if clock == "processor" else "2"
    found: dict[str, dict[str, list[float]]] = {
        side: {str(n): [] for n in VISITORS} for side in SIDES
    }
    for _ in range(1 if options.quick else 3):
        for side in SIDES:
            took = run_side(shape, side, folder, options, threads=threads)
            for visitors, each in took.items():
                rate = each["tokens"] / each[clock]
                found[side][visitors].append(rate)
                _say(f"{shape}, {side}, {visitors} visitors: {rate:.1f} tokens/s ({clock})")
    return {
        side: {n: round(statistics.median(rates), 1) for n, rates in of.items()}
        for side, of in found.items()
    }


def _judged(name: str, found: dict, eased: float) -> dict:
    ratios = {}
    for visitors, target in VISITORS.items():
        ours, lock, serve = (found[side][str(visitors)] for side in SIDES)
        ratios[f"{name}, {visitors} visitors: ours over streaming with a lock"] = ratio(
            ours / lock, target * eased
        )
        if visitors > 1:
            ratios[f"{name}, {visitors} visitors: ours over transformers serve"] = ratio(
                ours / serve, eased
            )
    return ratios


def _side(options: argparse.Namespace) -> dict:
    from chat_sides import asking, lock, ours, serve

    (shape,) = options.shape
    if options.side == "make":
        return asking.make(shape, options.folder)
    if options.side == "first":
        return ours.first_token(shape, options.folder)
    side = {"ours": ours.open_side, "lock": lock.open_side, "serve": serve.open_side}[options.side]
    with side(shape, options.folder) as (answer, seconds):
        answer(asking.questions(1)[0], 4)  # warm
        return {
            str(visitors): asking.ask_all(answer, visitors, 12 if options.quick else 32, seconds)
            for visitors in VISITORS
        }


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
