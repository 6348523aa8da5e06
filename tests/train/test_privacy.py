"""How much noise a promise takes, what is refused with a reason, and what nobody has to know."""

import subprocess
import sys

import pytest

from chatui.model.catalog import STARTER, find_base
from chatui.train.checks import find_problems
from chatui.train.config import TrainConfig
from chatui.train.privacy import Mechanism, mechanism_for, promise_of, told
from chatui.train.privacy_checks import privacy_advice, with_what_privacy_needs
from tests.train.conftest import make_dataset

FITTING = {"privacy_epsilon": 8.0, "packing": False, "batch_size": 16, "max_length": 64}
# ε, conversations, of them in a step, epochs.
PLANS = [(8.0, 1000, 32, 3), (3.0, 1000, 32, 3), (1.0, 200, 16, 6), (2.0, 10_000, 64, 10)]


def independent(mechanism: Mechanism, steps: int) -> tuple[float, float, float]:
    """ε by Opacus' accountant of privacy random variables (Gopi et al. 2021): its bounds within."""
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(mechanism.noise, mechanism.rate, steps)]
    error = mechanism.delta / 1000
    found = accountant._get_dprv(eps_error=1e-3, delta_error=error)
    low, estimate, high = found.compute_epsilon(mechanism.delta, error, 1e-3)
    return float(low), float(estimate), float(high)


@pytest.mark.parametrize(("target", "rows", "expected", "epochs"), PLANS)
def test_what_is_reported_is_what_an_independent_accountant_finds(target, rows, expected, epochs):
    config = TrainConfig(privacy_epsilon=target, batch_size=expected, epochs=epochs)
    mechanism = mechanism_for(config, rows)

    assert mechanism.delta == 1 / rows
    assert mechanism.steps == round(epochs * rows / expected)
    reported = mechanism.spent(mechanism.steps)
    low, estimate, high = independent(mechanism, mechanism.steps)
    assert abs(reported - estimate) < 1e-3
    assert low <= reported <= high
    assert 0.99 * target < reported <= target
    less = Mechanism(rows, expected, mechanism.steps, mechanism.noise * 0.99)
    assert less.spent(less.steps) > mechanism.spent(mechanism.steps)


def test_nothing_is_spent_before_the_first_step_and_more_with_each():
    mechanism = Mechanism(rows=500, expected=25, steps=60, noise=1.0)

    spent = [mechanism.spent(steps) for steps in (0, 1, 10, 30, 60)]

    assert spent[0] == 0
    assert spent == sorted(set(spent))


def test_more_noise_is_needed_for_less_and_for_more_steps():
    def noise(**options: object) -> float:
        config = TrainConfig(**{"privacy_epsilon": 4.0, "batch_size": 32, "epochs": 4, **options})
        return mechanism_for(config, 1000).noise

    assert noise(privacy_epsilon=1.0) > noise() > noise(privacy_epsilon=12.0)
    assert noise(epochs=20) > noise() > noise(epochs=0, max_steps=10)


def test_no_plan_is_made_where_privacy_is_off_or_no_noise_is_enough():
    assert mechanism_for(TrainConfig(), 1000) is None
    assert mechanism_for(TrainConfig(**FITTING), 10) is None
    endless = {"privacy_epsilon": 0.001, "epochs": 0, "max_steps": 1_000_000}
    assert mechanism_for(TrainConfig(**(FITTING | endless)), 200) is None


def test_an_epsilon_is_told_rounded_up():
    assert [told(e) for e in (7.9991, 8.0, 0.50001, 3)] == ["8", "8", "0.501", "3"]
    assert [told(e) for e in (0.1234, 7.1)] == ["0.124", "7.1"]


def test_the_promise_says_noise_steps_and_delta_and_warns_where_few_hide_each_other():
    config = TrainConfig(privacy_epsilon=2.0, batch_size=50, epochs=2)
    few, many = mechanism_for(config, 300), mechanism_for(config, 1000)

    assert promise_of(many) == (
        f"Privacy: ε {told(many.spent(40))} at δ 1/1,000 for each conversation: noise σ "
        f"{many.noise:g}, 40 steps, 50 conversations expected in each."
    )
    assert promise_of(few).endswith("the noise outweighs much of what they teach.")


def test_a_private_plan_that_fits_has_no_problem(bench, tmp_path, tiny_base):
    crowd = make_dataset(bench.datasets, tmp_path, 260, "Crowd")

    assert bench.runs.problems(crowd.id, TrainConfig(**FITTING), str(tiny_base)) == []


@pytest.mark.parametrize(
    ("wrong", "field", "reason"),
    [
        ({"packing": True}, "packing", "have one gradient for all"),
        ({"dora": True}, "dora", "the gradient of a single conversation can't be seen"),
        ({"batch_size": 15}, "gradient_accumulation", "some steps draw none"),
        (
            {"privacy_epsilon": 0.001, "epochs": 0, "max_steps": 1_000_000},
            "privacy_epsilon",
            "No noise keeps so many steps within ε 0.001",
        ),
    ],
)
def test_what_breaks_a_promise_is_refused_with_its_reason(
    bench, tmp_path, tiny_base, wrong, field, reason
):
    crowd = make_dataset(bench.datasets, tmp_path, 260, "Crowd")

    (problem,) = bench.runs.problems(crowd.id, TrainConfig(**(FITTING | wrong)), str(tiny_base))

    assert problem.field == field
    assert reason in problem.sentence
    assert (
        bench.runs.problems(
            crowd.id, TrainConfig(**(FITTING | wrong | {"privacy_epsilon": 0})), str(tiny_base)
        )
        == []
        or field == "privacy_epsilon"
    )


def test_few_conversations_are_refused_and_without_privacy_they_are_not(bench, tiny_base):
    (problem,) = bench.runs.problems(bench.dataset.id, TrainConfig(**FITTING), str(tiny_base))

    assert "at least 200 are needed" in problem.sentence
    public = TrainConfig(**(FITTING | {"privacy_epsilon": 0}))
    assert bench.runs.problems(bench.dataset.id, public, str(tiny_base)) == []


def test_one_press_each_mends_a_plan_that_privacy_refuses():
    config = TrainConfig(privacy_epsilon=8.0, dora=True)
    advice = {each.field: each.value for each in privacy_advice(config)}

    assert advice == {"packing": False, "dora": False, "gradient_accumulation": 4}
    assert privacy_advice(config.model_copy(update=advice)) == []
    assert privacy_advice(TrainConfig(dora=True)) == []


def test_what_nobody_named_follows_the_switch_and_what_somebody_named_stays():
    assert with_what_privacy_needs({"privacy_epsilon": "8"}) == {
        "privacy_epsilon": "8",
        "packing": False,
        "gradient_accumulation": 4,
    }
    asked = {"privacy_epsilon": "8", "packing": "true", "gradient_accumulation": "1"}
    assert with_what_privacy_needs(asked) == asked
    assert with_what_privacy_needs({"epochs": "2"}) == {"epochs": "2"}
    before = TrainConfig(batch_size=16)
    assert with_what_privacy_needs({"privacy_epsilon": "8"}, before) == {
        "privacy_epsilon": "8",
        "packing": False,
    }


def test_a_plan_is_made_without_torch():
    code = (
        "import sys; from chatui.train.privacy import *; from chatui.train.config import *; "
        "m = mechanism_for(TrainConfig(privacy_epsilon=8, batch_size=32), 1000); "
        "assert m.noise > 0.3; print('torch' in sys.modules, 'opacus' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]


def test_privacy_and_preferences_do_not_go_together(bench):
    dataset = bench.datasets.view(bench.dataset.id)
    config = TrainConfig(**FITTING, method="dpo")

    told = [problem.sentence for problem in find_problems(config, dataset, find_base(STARTER))]

    assert any("Set method to sft, or privacy ε to 0" in sentence for sentence in told)
