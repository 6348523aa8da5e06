"""The model, the adapter and the questions that every side gets, and visitors who ask them."""

import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from training_sides import models

_WORDS = "order parcel refund invoice please thanks late where when blue large return today"
Answer = Callable[[str, int], int]  # a question and how many tokens; gives how many there were


def make(shape: str, folder: Path) -> dict:
    """Write the base and its adapter; gives the bytes that one token reads of a 4-bit base."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = base_of(shape, folder)
    if shape != "starter":
        models.make_base(shape, base)
    model = AutoModelForCausalLM.from_pretrained(base)
    size = model.num_parameters()
    config = LoraConfig(
        r=16, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
    )
    for name in ("adapter", "other"):
        tuned = get_peft_model(model, config)
        tuned.peft_config["default"].base_model_name_or_path = str(base)
        tuned.save_pretrained(folder / name)
        model = tuned.unload()
    # What transformers serve takes for a model with an adapter: both in one folder.
    shutil.copytree(base, folder / "served")
    for path in (folder / "adapter").glob("adapter_*"):
        shutil.copy(path, folder / "served")
    return {"bytes": size / 2}


def base_of(shape: str, folder: Path) -> Path:
    return models.STARTER_FOLDER if shape == "starter" else folder / "base"


def questions(count: int) -> list[str]:
    """Texts of about 20 to 90 tokens."""
    draw = random.Random(7)
    return [" ".join(draw.choices(_WORDS.split(), k=draw.randint(12, 60))) for _ in range(count)]


def ask_all(answer: Answer, visitors: int, tokens: int, seconds: Callable[[], float]) -> dict:
    """What all visitors got together, when they asked at the same moment, and what it took."""
    barrier = threading.Barrier(visitors + 1)
    got: list[int] = []
    failed: list[BaseException] = []

    def visit(text: str) -> None:
        barrier.wait()
        try:
            got.append(answer(text, tokens))
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=visit, args=(text,)) for text in questions(visitors)]
    for thread in threads:
        thread.start()
    started, before = time.perf_counter(), seconds()
    barrier.wait()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return {
        "tokens": sum(got),
        "wall": time.perf_counter() - started,
        "processor": seconds() - before,
    }
