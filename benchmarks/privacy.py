"""What privacy costs: a private step beside the plain one, and the accountants side by side.

    python benchmarks/privacy.py [--quick] [--json]

Both sides learn from the same random chat rows on the same 4-bit base with the same adapter, in
batches that are padded, by PEFT's own layers: forward, backward and the optimizer's step. They take
turns in one process on one thread, and medians of processor seconds are compared. Beside it stands
how chatui takes the same step where nobody asks for privacy (packed, with thrifty layers where the
model is large), without a target. For some plans ε is compared with that of Opacus' accountant.
"""

import argparse
import json
import os
import platform
import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
MOST = 1.5  # times the plain step
FARTHEST = 1e-3  # between two accountants' ε
EASED = 0.8
# ε, conversations, of them in a step, epochs.
PLANS = ((1.0, 1000, 32, 3), (3.0, 1000, 32, 3), (8.0, 1000, 32, 3), (8.0, 10_000, 64, 3))
_VERSIONS = ("torch", "transformers", "peft", "bitsandbytes", "opacus", "dp-accounting")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the starter, three rounds, at 0.8")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    options = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    result: dict[str, dict] = {"ratios": {}, "measured": {}, "versions": _versions()}
    most = MOST / EASED if options.quick else MOST
    for shape, rows in (("starter", 32),) if options.quick else (("starter", 32), ("135M", 16)):
        seconds = _steps(shape, rows, rounds=3 if options.quick else 5)
        result["measured"][f"{shape}: seconds of a step of {rows} rows"] = seconds
        name = f"{shape}: private step over the plain one"
        result["ratios"][name] = _at_most(seconds["private"] / seconds["plain"], most)
        more = round(seconds["private"] / seconds["chatui without privacy"], 3)
        result["measured"][f"{shape}: private step over chatui's own"] = more
    result["measured"]["epsilon"] = plans = _accountants()
    farthest = max(abs(plan["reported"] - plan["opacus"]) for plan in plans)
    result["ratios"]["ε reported beside Opacus' accountant"] = _at_most(farthest, FARTHEST)
    above = max(plan["reported"] - plan["target"] for plan in plans)
    result["ratios"]["ε reported above its target"] = _at_most(above, 0.0)
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        for name, ratio in result["ratios"].items():
            verdict = "ok      " if ratio["ok"] else "MISSED  "
            print(f"{verdict} {name}: {ratio['value']}, at most {ratio['target']}")
    return 0 if all(ratio["ok"] for ratio in result["ratios"].values()) else 1


def _steps(shape: str, rows: int, rounds: int) -> dict[str, float]:
    """Processor seconds of a step of each side."""
    from timing import seconds_of
    from training_sides import models

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["CHATUI_CACHE"] = name
        base = models.make_base(shape, folder / "base")
        models.make_rows(rows, models.vocabulary_of(shape), folder / "rows.json")
        read = models.read_rows(folder / "rows.json")
        sides = {
            side: _stepper(base, read, folder / side, side)
            for side in ("plain", "private", "chatui without privacy")
        }
        for step in sides.values():
            step()  # warms up
        return {side: round(s, 4) for side, s in seconds_of(sides, rounds).items()}


def _stepper(base: Path, rows: list, folder: Path, side: str) -> Callable[[], object]:
    """A whole step over all rows, each time it is called."""
    from chatui.model.catalog import find_base
    from chatui.model.loading import load_base
    from chatui.model.packed import can_pack
    from chatui.train.config import TrainConfig
    from chatui.train.privacy import Mechanism
    from chatui.train.worker.adapting import with_adapter
    from chatui.train.worker.arguments import arguments
    from chatui.train.worker.batches import Limits
    from chatui.train.worker.private import Private
    from chatui.train.worker.private_ledger import trainer_of
    from chatui.train.worker.training import learning

    own = side == "chatui without privacy"
    config = TrainConfig(
        # Privacy on: PEFT's own layers; the plain side has them too.
        privacy_epsilon=0.0 if own else 8.0,
        packing=own,
        activation_checkpointing="off",
    )
    model = with_adapter(load_base(find_base(str(base))).model, config).train()
    mechanism = Mechanism(rows=1000, expected=len(rows), steps=100, noise=0.7)
    private = Private(mechanism, 1.0, random.getrandbits(128), folder)
    trainer = trainer_of(private if side == "private" else None)(
        steps=[list(range(len(rows)))],
        limits=Limits(8, 2048, packs=own and can_pack(model)),
        pad_id=0,
        base_name=side,
        model=model,
        args=arguments(folder, config),
        train_dataset=rows,
        data_collator=lambda rows: rows,
    )
    trainer.current_gradient_accumulation_steps = 1
    optimizer = trainer.create_optimizer()
    (batches,) = list(trainer.get_train_dataloader())

    def step() -> None:
        with ExitStack() as stack:
            stack.enter_context(learning(model, config))
            trainer.training_step(model, [dict(batch) for batch in batches])
        optimizer.step()
        model.zero_grad()

    return step


def _accountants() -> list[dict[str, float]]:
    """What is reported for some plans, and what Opacus' accountant makes of the same."""
    from opacus.accountants import PRVAccountant

    from chatui.train.config import TrainConfig
    from chatui.train.privacy import mechanism_for

    found = []
    for target, rows, expected, epochs in PLANS:
        config = TrainConfig(privacy_epsilon=target, batch_size=expected, epochs=epochs)
        mechanism = mechanism_for(config, rows)
        accountant = PRVAccountant()
        accountant.history = [(mechanism.noise, mechanism.rate, mechanism.steps)]
        error = mechanism.delta / 1000
        random_loss = accountant._get_dprv(eps_error=FARTHEST, delta_error=error)
        _, estimate, _ = random_loss.compute_epsilon(mechanism.delta, error, FARTHEST)
        plan = {"target": target, "rows": rows, "expected": expected, "steps": mechanism.steps}
        reported = mechanism.spent(mechanism.steps)
        found.append(
            plan
            | {"noise": mechanism.noise, "reported": round(reported, 5)}
            | {"opacus": round(float(estimate), 5)}
        )
    return found


def _at_most(value: float, target: float) -> dict[str, object]:
    return {"value": round(value, 5), "target": round(target, 5), "ok": value <= target}


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in _VERSIONS}


if __name__ == "__main__":
    sys.exit(main())
