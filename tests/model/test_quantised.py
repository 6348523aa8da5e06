"""A base model is quantised once; its copy has the same bits, or is made anew."""

import json
from pathlib import Path

import pytest
import torch
from bitsandbytes.nn import Linear4bit

from chatui.model import loading, quantised
from chatui.model.catalog import find_base
from chatui.model.loading import load_base
from tests.tiny_model import make_tiny_base


@pytest.fixture
def kept(tmp_path: Path, monkeypatch) -> Path:
    """The folder of copies; every model is worth keeping."""
    monkeypatch.setenv("CHATUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(quantised, "_WORTH_KEEPING", 0)
    return tmp_path / "cache" / "quantised"


@pytest.fixture
def read(monkeypatch) -> list[bool]:
    """For each model that is read: whether it came from a copy."""
    found: list[bool] = []
    whole = loading._model

    def spied(plan, copy):
        found.append(copy is not None)
        return whole(plan, copy)

    monkeypatch.setattr(loading, "_model", spied)
    return found


def load(base: Path):
    return load_base(find_base(str(base))).model


def weights(kept: Path) -> Path:
    (path,) = kept.glob("*/model.safetensors")
    return path


def assert_same_bits(one: torch.nn.Module, other: torch.nn.Module) -> None:
    ours, theirs = one.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    for mine, its in zip(one.modules(), other.modules(), strict=True):
        if isinstance(mine, Linear4bit):
            a, b = mine.weight.quant_state.as_dict(), its.weight.quant_state.as_dict()
            assert all(
                torch.equal(a[name], b[name]) if torch.is_tensor(a[name]) else a[name] == b[name]
                for name in a
            )


def test_the_second_time_a_copy_is_read_that_has_the_same_bits(tiny_base, kept, read):
    first, second = load(tiny_base), load(tiny_base)

    assert read == [False, True]
    assert_same_bits(first, second)
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        assert torch.equal(first(ids).logits, second(ids).logits)


def test_a_copy_learns_like_the_first(tiny_base, kept):
    gradients = []
    for model in (load(tiny_base), load(tiny_base)):
        ids = torch.arange(5, 25)[None]
        embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
        model(inputs_embeds=embedded, labels=ids).loss.backward()
        gradients.append(embedded.grad)

    assert torch.equal(*gradients)


def test_a_copy_with_one_byte_changed_is_made_anew(tiny_base, kept, read):
    load(tiny_base)
    whole = weights(kept).read_bytes()
    weights(kept).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    load(tiny_base)
    load(tiny_base)

    assert read == [False, False, True]
    assert weights(kept).read_bytes() == whole


def test_a_copy_that_cannot_be_read_is_made_anew(tiny_base, kept, read, caplog):
    first = load(tiny_base)
    weights(kept).write_bytes(b"nonsense")
    manifest = weights(kept).with_name("made-from.json")
    facts = json.loads(manifest.read_text())
    facts["files"]["model.safetensors"] = quantised.file_hash(weights(kept))
    manifest.write_text(json.dumps(facts))

    assert_same_bits(load(tiny_base), first)
    load(tiny_base)

    assert read == [False, True, False, True]


def test_other_weights_in_the_same_folder_make_the_copy_stale(tmp_path, kept, read):
    base = make_tiny_base(tmp_path / "base")
    load(base)
    make_tiny_base(base, seed=7)

    changed = load(base)

    assert read == [False, False]
    assert_same_bits(load(base), changed)
    assert len(list(kept.iterdir())) == 1


def test_a_small_model_is_not_kept_and_a_folder_that_cannot_be_made_does_not_matter(
    tiny_base, kept, read, monkeypatch
):
    kept.parent.write_text("a file where the cache should be")
    load(tiny_base)

    monkeypatch.setattr(quantised, "_WORTH_KEEPING", 20_000_000)
    monkeypatch.setenv("CHATUI_CACHE", str(kept.parent.with_name("other")))
    load(tiny_base)

    assert read == [False, False]
    assert not kept.parent.with_name("other").exists()


def test_nothing_half_written_is_left_when_writing_fails(tiny_base, kept, read, monkeypatch):
    def full(path: Path, value: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(quantised, "write_json", full)
    load(tiny_base)

    assert list(kept.iterdir()) == []
