"""Models for the tests of the engine."""

from pathlib import Path

import pytest

from chatui.conversation import Turn
from chatui.model.catalog import find_base
from chatui.model.engine import Engine


@pytest.fixture(scope="session")
def engine(tiny_base: Path) -> Engine:
    return Engine.open(find_base(str(tiny_base)))


@pytest.fixture(scope="session")
def adapter(engine: Engine, tiny_adapter: Path) -> str:
    return engine.attach(tiny_adapter)


@pytest.fixture(scope="session")
def precise_engine(tiny_base: Path) -> Engine:
    """The tiny model in float32 and not quantised: differences are the code's, not rounding's."""
    import torch
    from transformers import AutoModelForCausalLM

    from chatui.model.loading import load_base

    loaded = load_base(find_base(str(tiny_base)))
    model = AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.float32).eval()
    return Engine(
        type(loaded)(**{**{n: getattr(loaded, n) for n in loaded.__slots__}, "model": model})
    )


def turns(*texts: str, system: str | None = None) -> tuple[Turn, ...]:
    """User and assistant in turns, starting with the user."""
    spoken = [Turn("assistant" if i % 2 else "user", text) for i, text in enumerate(texts)]
    return (*([Turn("system", system)] if system else []), *spoken)
