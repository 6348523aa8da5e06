"""A space is read from words, with limits that a run would take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.errors import BadSearch
from chatui.train.config import TrainConfig
from chatui.train.search_space import (
    SEARCHABLE,
    SEARCHED,
    Dimension,
    options_of,
    read_space,
    usual_space,
)

START = TrainConfig()


def test_short_names_get_usual_limits_around_what_the_search_starts_from():
    space = read_space(["lr", "rank", "dropout", "epochs"], START, 4_700_000)

    assert [dimension.text for dimension in space] == [
        "learning_rate=0.0006..0.018",
        "lora_rank=4..64",
        "lora_dropout=0..0.3",
        "epochs=3..12",
    ]
    assert [d.by_powers for d in space] == [True, True, False, False]
    assert [d.is_whole for d in space] == [False, True, False, True]
    assert usual_space(START, 4_700_000) == space
    assert tuple(dimension.option for dimension in space) == SEARCHED


def test_a_larger_base_is_searched_at_smaller_rates_and_epochs_only_where_they_decide():
    by_steps = TrainConfig(epochs=0, max_steps=50)

    (rate,) = read_space(["lr"], START, 494_000_000)
    assert rate.high < 0.006
    assert "epochs" not in {dimension.option for dimension in usual_space(by_steps)}
    assert read_space(["max_steps"], by_steps)[0].text == "max_steps=25..100"


def test_limits_and_choices_can_be_written():
    space = read_space(["lr=1e-4..1e-2", "schedule=cosine|linear", "batch=4|8", "dora"], START)

    assert [(d.low, d.high, d.choices) for d in space] == [
        (1e-4, 1e-2, ()),
        (0, 0, ("cosine", "linear")),
        (0, 0, (4, 8)),
        (0, 0, (False, True)),
    ]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("speed", "no option 'speed' to search; there are learning_rate"),
        ("seed", "no option 'seed' to search"),
        ("lr=1..2", "learning_rate=1.0: input should be less"),
        ("rank=64..4", "lora_rank=64..4 ends before it begins"),
        ("rank=a..b", "no two numbers"),
        ("rank=4|four", "lora_rank can't be 'four'"),
        ("schedule=cosine", "leaves nothing to choose"),
        ("schedule=1..2", "schedule is no number"),
        ("schedule=cosine|zigzag", "schedule=zigzag: input should be"),
        ("max_length", "max_length has no usual limits; write max_length=low..high"),
        ("", "no option is named"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(part, said):
    with pytest.raises(BadSearch, match=said):
        read_space([part], START)
    with pytest.raises(BadSearch, match="named twice"):
        read_space(["lr", "learning_rate"], START)


@given(part=st.text(max_size=30) | st.sampled_from(SEARCHABLE))
def test_any_text_is_a_space_that_says_itself_or_is_refused_in_a_sentence(part):
    try:
        (dimension,) = read_space([part], START)
    except BadSearch:
        return
    assert read_space([dimension.text], START)[0].option == dimension.option


def test_alpha_goes_with_the_rank_unless_it_is_searched_itself():
    start = TrainConfig(lora_rank=16, lora_alpha=32)
    rank, both = (read_space(parts, start) for parts in (["rank"], ["rank", "alpha"]))

    assert options_of({"lora_rank": 8}, start, rank) == {"lora_rank": 8, "lora_alpha": 16}
    given_both = {"lora_rank": 8, "lora_alpha": 64}
    assert options_of(given_both, start, both) == given_both


def test_a_value_has_its_place_between_the_limits_as_it_is_tried():
    rate = Dimension(option="learning_rate", low=1e-4, high=1e-2, by_powers=True)

    assert [rate.place(value) for value in (1e-4, 1e-3, 1e-2)] == pytest.approx([0, 0.5, 1])
    assert (rate.holds(0.001), rate.holds(0.1), rate.holds("x")) == (True, False, False)
    schedule = Dimension(option="schedule", choices=("cosine", "linear", "constant"))
    assert [schedule.place(c) for c in schedule.choices] == [0, 0.5, 1]
