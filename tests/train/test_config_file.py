"""A configuration as YAML: what is written is read back, and what is wrong is told at once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.errors import BadConfigFile, FileMissing
from chatui.train.config import TrainConfig
from chatui.train.config_file import differences, from_yaml, read_config_file, to_yaml
from chatui.train.presets import PRESETS, preset

configs = st.builds(
    TrainConfig,
    learning_rate=st.floats(1e-6, 1e-1),
    warmup=st.floats(0, 0.5),
    epochs=st.integers(0, 100),
    seed=st.integers(0, 2**31 - 1),
    optimizer=st.sampled_from(["adamw", "paged_lion"]),
    target_layers=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40),
    dora=st.booleans(),
)


@given(configs, st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_what_is_written_is_read_back(config, base):
    file = from_yaml(to_yaml(config, dataset="support-v1", base=base), "run.yaml")

    assert (file.config, file.base, file.dataset) == (config, base, "support-v1")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_read_back_too(name):
    assert from_yaml(to_yaml(preset(name), dataset="a", base="b"), "f").config == preset(name)


def test_what_is_left_out_is_the_default_and_numbers_may_be_written_as_people_do():
    file = from_yaml("options: {learning_rate: 3e-4, dora: yes}", "mine.yaml")

    assert file.config == TrainConfig(learning_rate=3e-4, dora=True)
    assert (file.dataset, file.base) == (None, None)


def test_all_that_is_wrong_is_said_at_once():
    text = "format: 2\nspeed: 9\noptions: {epochs: many, lora_rank: 0, colour: red}"

    with pytest.raises(BadConfigFile) as caught:
        from_yaml(text, "mine.yaml")

    for said in ("'speed' is not known", "format is 2", "epochs: ", "lora_rank: ", "'colour'"):
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("options: [1", "line 1"),
        ("- a\n- b", "does not hold `options:`"),
        ("", "does not hold `options:`"),
        ("options: 3", "`name: value` lines"),
        ("options:\n  epochs: 1\n  epochs: 2", "line 3: epochs stands there twice"),
        ("options: !!python/object/apply:os.system ['true']", "could not determine"),
        ("base: [a]", "base is not a name"),
        ("[" * 5000, "not YAML"),
        ("options: {? {a: 1} : 2}", ""),
        ("a: 2026-99-99", "not YAML"),
    ],
)
def test_what_is_no_configuration_is_refused_in_a_sentence(text, said):
    with pytest.raises(BadConfigFile) as caught:
        from_yaml(text, "mine.yaml")

    assert said in str(caught.value)
    assert str(caught.value).startswith("mine.yaml can't be used")


def test_files_that_are_missing_too_long_or_no_text_are_refused(tmp_path):
    with pytest.raises(FileMissing):
        read_config_file(tmp_path / "none.yaml")
    for content, said in ((b"\xff\xfe\x00", "UTF-8"), (b"#" * 200_000, "too long")):
        (tmp_path / "it.yaml").write_bytes(content)
        with pytest.raises(BadConfigFile, match=said):
            read_config_file(tmp_path / "it.yaml")


def test_differences_name_what_is_not_shared():
    first = {"base": "starter", "epochs": 3, "dora": False}
    second = {"base": "starter", "epochs": 4, "dora": False, "continues": "r1"}

    assert differences(first, second) == {"epochs": (3, 4), "continues": (None, "r1")}
    assert json.dumps(differences(first, first)) == "{}"
