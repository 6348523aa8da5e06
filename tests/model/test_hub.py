"""A model of the Hub: told what it is before a download, and then fetched whole or not at all."""

import json
import shutil
import threading

import pytest
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from chatui.errors import BaseNotReachable, BaseNotUsable
from chatui.model.catalog import find_base
from chatui.model.hub import ADAPTER_FILES, downloaded, hub_model, on_this_disk
from chatui.model.rendering import encoder_of
from tests.hub_stand_in import SHA, hub
from tests.model.conftest import turns

NAME = "acme/tiny"


@pytest.fixture
def site(monkeypatch, tmp_path):
    """A Hub on the loopback, with a cache that holds nothing yet."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with hub() as site:
        monkeypatch.setenv("CHATUI_HUB", site.address)
        yield site


@pytest.fixture
def offered(site, tiny_base, tmp_path):
    """The tiny model on that Hub, among files that nobody should fetch."""
    folder = shutil.copytree(tiny_base, tmp_path / "offered")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    for strange in ("pytorch_model.bin", "modeling_evil.py", "onnx/model.safetensors"):
        (folder / strange).parent.mkdir(exist_ok=True)
        (folder / strange).write_bytes(b"not for us" * 100)
    about = {"cardData": {"license": "mit"}, "safetensors": {"parameters": {"BF16": 7}, "total": 7}}
    site.has(NAME, folder, gated="manual", **about)
    return folder


def test_size_licence_and_parameters_are_known_before_a_download(site, offered):
    found = hub_model(NAME)

    needed = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
              "generation_config.json", "chat_template.jinja", "README.md"}  # fmt: skip
    assert set(found.files) == needed
    assert found.size == sum((offered / name).stat().st_size for name in needed)
    assert (found.licence, found.parameters, found.sha) == ("mit", 7, SHA)
    assert found.is_gated
    assert found.has_template
    assert on_this_disk(NAME) is None
    assert {method for method, _, _ in site.asked} == {"GET"}
    assert {path for _, path, _ in site.asked} == {f"/api/models/{NAME}"}


def test_a_download_brings_what_is_needed_and_nothing_else(site, offered):
    model = hub_model(NAME)

    told = list(downloaded(model))

    folder = on_this_disk(NAME)
    assert folder is not None
    assert {path.name for path in folder.iterdir()} == set(model.files)
    assert all(
        (folder / name).read_bytes() == (offered / name).read_bytes() for name in model.files
    )
    assert (told[-1].done, told[-1].total) == (model.size, model.size)
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert not any("evil" in path or "onnx" in path or ".bin" in path for _, path, _ in site.asked)


def test_a_model_in_parts_is_whole_with_all_of_them(site, offered):
    weights = load_file(offered / "model.safetensors")
    (offered / "model.safetensors").unlink()
    names = sorted(weights)
    halves = {"model-00001-of-00002.safetensors": names[::2],
              "model-00002-of-00002.safetensors": names[1::2]}  # fmt: skip
    for file, mine in halves.items():
        save_file({name: weights[name] for name in mine}, offered / file, {"format": "pt"})
    index = {"weight_map": {name: file for file, mine in halves.items() for name in mine}}
    (offered / "model.safetensors.index.json").write_text(json.dumps(index))

    list(downloaded(hub_model(NAME)))

    folder = on_this_disk(NAME)
    assert folder is not None
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert on_this_disk(NAME) is None


def test_a_download_that_is_left_ends_at_once_and_goes_on_later(site, offered):
    site.gate.clear()
    before = threading.active_count()

    for _ in downloaded(hub_model(NAME)):
        if site.waits.is_set():  # the weights hang in the middle
            break

    assert on_this_disk(NAME) is None
    assert threading.active_count() >= before
    site.gate.set()
    list(downloaded(hub_model(NAME)))
    assert on_this_disk(NAME) is not None


def test_the_token_is_shown_to_the_hub_and_asked_for_where_it_is_missing(
    site, offered, monkeypatch
):
    site.tokens = {"hf_s3cret"}

    with pytest.raises(BaseNotReachable, match="gated: accept its terms .* token"):
        hub_model(NAME)
    monkeypatch.setenv("CHATUI_HUB_TOKEN", "hf_s3cret")
    assert [each.total for each in downloaded(hub_model(NAME))]
    assert on_this_disk(NAME) is not None


def test_what_is_not_there_or_cannot_be_used_is_told(site, offered, monkeypatch):
    with pytest.raises(BaseNotReachable, match="no such model, or it is private"):
        hub_model("acme/nothing")
    (offered / "model.safetensors").unlink()
    with pytest.raises(BaseNotUsable, match="no weights as safetensors, and pickles are never"):
        hub_model(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BaseNotReachable, match="can't be reached"):
        hub_model(NAME)


def test_without_a_network_it_is_said(site, offered, monkeypatch):
    monkeypatch.setenv("CHATUI_HUB", "http://127.0.0.1:9")

    with pytest.raises(BaseNotReachable, match="the Hub can't be reached"):
        hub_model(NAME)


def test_of_an_adapter_its_own_files_are_needed(site, tiny_adapter):
    site.has("acme/adapter", tiny_adapter)

    found = hub_model("acme/adapter", ADAPTER_FILES)

    assert {"adapter_config.json", "adapter_model.safetensors"} <= set(found.files)


def test_to_look_at_rows_only_the_tokenizer_is_fetched(site, offered):
    ids = encoder_of(find_base(NAME)).marked(turns("Hi", "Hello")).ids

    assert len(ids) > 4
    assert on_this_disk(NAME) is None
    got = {path.rpartition("/")[2] for method, path, _ in site.asked if "/resolve/" in path}
    assert got == {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "config.json"}
