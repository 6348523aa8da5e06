"""A recipe can be read by people, applied again, and gives the same bytes."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.data.cleaning import DEFAULT_STEPS, STEP_NAMES, STEPS, Parameters
from chatui.data.editing import Edit
from chatui.data.recipe import Recipe, read_recipe, recipe_of
from chatui.data.store import DatasetStore
from chatui.errors import BadColumn, BadRecipe, ChatUIError, FileMissing
from chatui.workspace import Workspace
from tests.data.whole import prepare_by
from tests.data.writing import pairs, write

TEXTS = st.sampled_from(
    [
        "how do I pay",
        "how do I pay ",
        "<b>how</b> do I pay",
        "jo@example.org",
        "",
        "<|end|>",
        "card",
    ]
)


def _asked(question: str, reply: str) -> tuple[Turn, ...]:
    return (Turn("user", question or "who?"), Turn("assistant", reply or "me"))


RECIPES = st.builds(
    Recipe,
    steps=st.sets(st.sampled_from(STEP_NAMES)),
    parameters=st.builds(
        Parameters,
        similarity=st.floats(0.5, 1),
        max_tokens=st.integers(16, 40),
        flagged_words=st.sampled_from([(), ("card",)]),
        languages=st.sampled_from([("en",), ("de", "fr")]),
        region=st.sampled_from(["US", "DE"]),
    ),
    restored=st.sets(st.integers(1, 6)),
    edits=st.lists(
        st.one_of(
            st.builds(Edit, row=st.integers(1, 6), turns=st.builds(_asked, TEXTS, TEXTS)),
            st.builds(Edit, row=st.integers(1, 6), excluded=st.just(True), flagged=st.booleans()),
        ),
        unique_by=lambda edit: edit.row,
        max_size=3,
    ),
    seed=st.integers(0, 99),
    system=st.sampled_from([None, "Be kind."]),
)


@settings(max_examples=60, deadline=None)
@given(
    recipe=RECIPES,
    rows=st.lists(st.fixed_dictionaries({"user": TEXTS, "agent": TEXTS}), min_size=1, max_size=8),
)
def test_a_recipe_that_is_exported_and_applied_again_gives_the_same_bytes(recipe, rows):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.csv", rows)
        workspace = Workspace(Path(folder) / "workspace")
        store = DatasetStore(workspace)
        try:
            first = store.save(prepare_by(recipe, path), "one")
        except ChatUIError:
            return  # nothing of the file is left
        exported = read_recipe(workspace.folder("datasets", first.id) / "recipe.json")
        second = store.save(prepare_by(exported, path), "two")

        assert first.sha256 == second.sha256
        for name in ("conversations.parquet", "removed.parquet", "recipe.json"):
            one, two = (workspace.folder("datasets", v.id) / name for v in (first, second))
            assert one.read_bytes() == two.read_bytes()


def test_a_recipe_may_be_written_by_hand_with_its_steps_alone(tmp_path):
    (tmp_path / "r.json").write_text('{"steps": ["html", "spaces"]}')

    recipe = read_recipe(tmp_path / "r.json")

    assert recipe.steps == ("spaces", "html")
    assert recipe.parameters == Parameters()


def test_the_parameters_of_steps_that_are_off_are_not_in_it():
    recipe = Recipe(steps=("near",), parameters=Parameters(similarity=0.9, flagged_words="x"))

    assert recipe.as_json()["parameters"] == {"similarity": 0.9}
    assert Recipe().as_json()["parameters"] == {}
    assert Recipe().steps == DEFAULT_STEPS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "r.json can't be used as a recipe: it is no JSON"),
        ("[]", "the whole of it"),
        ('{"steps": ["magic"]}', "steps: There is no cleaning step 'magic'"),
        ('{"parameters": {"similarity": 7}}', "parameters.similarity: Input should be less than"),
        ('{"parameters": {"languages": ["English"]}}', "'English' is no language code"),
        ('{"parameters": {"flagged_words": ["***"]}}', "'***' is no word"),
        ('{"stepps": []}', "stepps: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_named(tmp_path, text, told):
    (tmp_path / "r.json").write_text(text)

    with pytest.raises(BadRecipe) as problem:
        read_recipe(tmp_path / "r.json")

    assert told in str(problem.value)


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileMissing, match=r"r\.json"):
        read_recipe(tmp_path / "r.json")


def test_columns_that_were_chosen_are_part_of_it_and_may_be_chosen_again(tmp_path):
    path = write(tmp_path / "a.csv", [{"x": str(n), "y": "b", "z": "c"} for n in range(3)])
    draft = prepare_by(Recipe(mapping={"user": "x", "assistant": "y"}), path)

    again = prepare_by(Recipe.model_validate_json(json.dumps(recipe_of(draft).as_json())), path)
    other = prepare_by(recipe_of(draft), path, mapping={"assistant": "z"})

    assert again.conversations == draft.conversations
    assert other.conversations[0].reference == "c"
    with pytest.raises(BadColumn):
        prepare_by(recipe_of(draft), write(tmp_path / "b.csv", pairs(2)))


def test_rows_brought_back_belong_to_one_file(tmp_path):
    path = write(tmp_path / "a.csv", [{"user": "a", "agent": "b"}] * 3)
    recipe = recipe_of(prepare_by(Recipe(restored=(3,)), path))

    other = prepare_by(recipe, write(tmp_path / "b.csv", [{"user": "c", "agent": "d"}] * 3))

    assert [row.row for row in prepare_by(recipe, path).kept] == [1, 3]
    assert [row.row for row in other.kept] == [1]
    assert "brings rows of a.csv back; this is another file" in other.notes[-1]


def test_the_steps_and_parameters_in_the_docs_are_the_code():
    docs = (Path(__file__).parents[2] / "docs/cleaning.md").read_text(encoding="utf-8")
    for step in STEPS:
        described = step.description.replace("|", "\\|").replace("<", "&lt;")
        is_on = "yes" if step.is_default else "no"
        reads = ", ".join(f"`{name}`" for name in step.parameters)
        assert f"| `{step.name}` | {is_on} | {described} | {reads} |" in docs
    for name, field in Parameters.model_fields.items():
        assert f"| `{name}` |" in docs
        assert field.description in docs
