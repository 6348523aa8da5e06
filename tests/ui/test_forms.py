from typing import Literal

import gradio as gr
import pytest
from pydantic import BaseModel, Field

from chatui.model.decoding import Decoding
from chatui.ui.forms import form


class Wishes(BaseModel):
    learning_rate: float = Field(2e-4, ge=1e-6, le=1e-2, description="How big a step is.")
    epochs: int = Field(3, ge=1, lt=50, description="How often.")
    rank: Literal[8, 16] = Field(16, description="Width.", title="Rank of the adapter")
    shuffle: bool = Field(True, description="In another order each time.")
    note: str | None = Field(None, description="For yourself.")
    limit: int | None = Field(None, gt=0, description="At most so many.")
    words: tuple[str, ...] = Field(("a", "b c"), description="Some words.")


@pytest.fixture
def fields():
    return form(Wishes)


def test_a_number_has_the_label_help_limits_and_default_of_its_field(fields):
    rate = fields["learning_rate"]

    assert isinstance(rate, gr.Number)
    assert (rate.label, rate.info) == ("Learning rate", "How big a step is.")
    assert (rate.minimum, rate.maximum, rate.value, rate.precision) == (1e-6, 1e-2, 2e-4, None)
    assert rate.step == pytest.approx(1e-4)


def test_whole_numbers_stay_whole(fields):
    assert (fields["epochs"].precision, fields["epochs"].step) == (0, 1)
    assert (fields["epochs"].minimum, fields["epochs"].maximum) == (1, 50)


def test_choices_become_a_dropdown_and_a_title_wins_over_the_name(fields):
    assert isinstance(fields["rank"], gr.Dropdown)
    assert [value for _, value in fields["rank"].choices] == [8, 16]
    assert fields["rank"].label == "Rank of the adapter"


def test_switches_and_texts_get_their_components(fields):
    assert isinstance(fields["shuffle"], gr.Checkbox)
    assert isinstance(fields["note"], gr.Textbox)


def test_several_words_are_typed_with_commas(fields):
    assert isinstance(fields["words"], gr.Textbox)
    assert fields["words"].value == "a, b c"


def test_an_optional_number_is_a_number_that_may_be_empty(fields):
    assert isinstance(fields["limit"], gr.Number)
    assert fields["limit"].value is None


def test_names_choose_the_fields_and_their_order():
    assert list(form(Wishes, ["epochs", "learning_rate"])) == ["epochs", "learning_rate"]


def test_every_option_of_decoding_has_a_help_text_on_the_form():
    assert all(component.info for component in form(Decoding).values())
