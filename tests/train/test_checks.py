"""Every reason against a run is said at once, before anything is loaded."""

import re

import pytest
from pydantic import ValidationError

from chatui.errors import CannotTrain
from chatui.train.config import GROUPS, TrainConfig, changed_options
from chatui.train.hardware import Hardware
from chatui.train.presets import PRESETS, preset
from tests.train.conftest import make_dataset


def test_a_dataset_that_is_large_enough_has_no_problem(bench, tiny_base):
    config = TrainConfig(max_length=64)

    assert bench.runs.problems(bench.dataset.id, config, str(tiny_base)) == []


def test_two_rows_are_a_dataset_but_too_few_to_train(bench, tmp_path):
    small = make_dataset(bench.datasets, tmp_path, 2, "Small")

    fields = [p.field for p in bench.runs.problems(small.id, TrainConfig())]

    assert fields == ["dataset", "dataset"]


def test_all_problems_come_together_each_with_its_field(bench, tmp_path, tiny_base):
    small = make_dataset(bench.datasets, tmp_path, 2, "Small")
    config = TrainConfig(max_length=4096)

    problems = bench.runs.problems(small.id, config, str(tiny_base))

    assert {p.field for p in problems} == {"dataset", "max_length"}
    with pytest.raises(CannotTrain) as caught:
        bench.runs.start(small.id, config, str(tiny_base))
    assert caught.value.problems == [p.sentence for p in problems]
    assert bench.runs.all() == []


def test_what_does_not_exist_is_a_problem_like_any_other(bench):
    problems = bench.runs.problems("nothing-v1", TrainConfig(), "nothing")

    assert [p.field for p in problems] == ["dataset", "base"]
    assert "no dataset called 'nothing-v1'" in problems[0].sentence
    assert "no base model called 'nothing'" in problems[1].sentence


def test_a_step_that_swallows_the_dataset_is_refused(bench, tiny_base):
    config = TrainConfig(max_length=64, batch_size=64)

    (problem,) = bench.runs.problems(bench.dataset.id, config, str(tiny_base))

    assert problem.field == "batch_size"


def test_the_starters_learning_rate_is_refused_for_a_large_model(bench):
    name = "Qwen/Qwen2.5-0.5B-Instruct"

    (problem,) = bench.runs.problems(bench.dataset.id, TrainConfig(), name)

    assert problem.field == "learning_rate"
    assert bench.runs.problems(bench.dataset.id, preset("Quick look", 494_000_000), name) == []


@pytest.mark.parametrize(
    ("options", "field", "said"),
    [
        ({"max_steps": 9}, "max_steps", "Epochs is 6 and max steps is 9"),
        ({"epochs": 0}, "epochs", "Epochs and max steps are both 0"),
        ({"patience": 6}, "patience", "Patience is 6 and validation is measured 6 times"),
        ({"optimizer": "paged_lion"}, "optimizer", "paged_lion pages .* no GPU. Choose lion"),
        ({"schedule": "inverse_sqrt", "warmup": 0}, "warmup", "falls by the length of the warm-up"),
        ({"target_layers": "c_attn"}, "target_layers", "none is called 'c_attn'"),
        ({"top_layers": 3}, "top_layers", "Top layers is 3 and the base model has 2 blocks"),
        ({"optimizer": "lion", "learning_rate": 0.02}, "learning_rate", "to about 0.002"),
    ],
)
def test_options_that_contradict_each_other_or_the_machine_are_refused_by_name(
    bench, tiny_base, monkeypatch, options, field, said
):
    monkeypatch.setattr(Hardware, "here", lambda: Hardware(2, 8000, has_gpu=False))
    config = TrainConfig(**{"max_length": 64} | options)

    (problem,) = bench.runs.problems(bench.dataset.id, config, str(tiny_base))

    assert problem.field == field
    assert re.search(said, problem.sentence)


def test_a_gpu_can_page(bench, tiny_base, monkeypatch):
    monkeypatch.setattr(Hardware, "here", lambda: Hardware(2, 8000, has_gpu=True))
    config = TrainConfig(max_length=64, optimizer="paged_adamw_8bit")

    assert bench.runs.problems(bench.dataset.id, config, str(tiny_base)) == []


@pytest.mark.parametrize(
    "wrong", [{"epochs": -1}, {"lora_rank": 1000}, {"learning_rate": 5}, {"speed": 1}]
)
def test_options_beyond_their_limits_or_unknown_are_refused(wrong):
    with pytest.raises(ValidationError):
        TrainConfig(**wrong)


def test_every_option_has_its_help_and_its_place_on_the_form():
    assert [name for names in GROUPS.values() for name in names] == list(TrainConfig.model_fields)
    assert all(field.description for field in TrainConfig.model_fields.values())


def test_presets_are_valid_and_the_first_is_the_default():
    for name in PRESETS:
        assert preset(name)
    assert preset("Quick look") == TrainConfig()


def test_the_command_says_only_what_differs_from_the_default(bench):
    config = TrainConfig(epochs=7, lora_dropout=0.1)

    command = bench.runs.command("shop-v1", config, "my models/tiny")

    assert command == (
        "python -m chatui train shop-v1 --base 'my models/tiny' "
        "--set epochs=7 --set lora_dropout=0.1"
    )
    assert changed_options(config) == {"epochs": 7, "lora_dropout": 0.1}


def test_an_estimate_grows_with_the_epochs(bench):
    few, many = (bench.runs.seconds_for(bench.dataset.id, TrainConfig(epochs=n)) for n in (1, 50))

    assert few < many


def test_an_estimate_of_steps_is_that_of_as_many_epochs(bench):
    eight_rows = TrainConfig(epochs=0, max_steps=4)  # of 32
    one_epoch = TrainConfig(epochs=1)

    assert bench.runs.seconds_for(bench.dataset.id, eight_rows) == pytest.approx(
        bench.runs.seconds_for(bench.dataset.id, one_epoch)
    )
