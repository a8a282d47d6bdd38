"""The family by name: look-up, genealogy, summary."""

import pytest

from gradlab.errors import RecipeError
from gradlab.optim import OPTIMIZERS, REGIMES, family_tree, optimizer_kind, summary_table


@pytest.mark.catalogue("OPT-22")
@pytest.mark.parametrize("name", ["Adagrad", "RMSprop", "Adam", "NADAM", "sgd"])
def test_names_are_found_in_any_case(name):
    assert optimizer_kind(name) is OPTIMIZERS[name.lower()]


def test_unknown_name_gets_a_suggestion():
    with pytest.raises(RecipeError, match=r"Unknown optimizer 'addam'\. Did you mean 'adam'"):
        optimizer_kind("addam")


def test_every_kind_is_listed_under_its_own_name():
    for name, kind in OPTIMIZERS.items():
        assert kind.name == name
        assert all((kind.formula, kind.benefit, kind.limit, kind.source))


@pytest.mark.catalogue("OPT-24")
def test_parents_form_a_tree_that_can_be_drawn():
    for kind in OPTIMIZERS.values():
        assert all(parent in OPTIMIZERS for parent in kind.parents)
        assert not kind.parents or list(OPTIMIZERS).index(kind.parents[0]) < list(OPTIMIZERS).index(
            kind.name
        )
    lines = family_tree().splitlines()
    assert lines[0] == "sgd"
    drawn = [line.split()[0] for line in lines if "→" not in line]
    assert sorted(drawn) == sorted(OPTIMIZERS)
    n_edges = sum(len(kind.parents) for kind in OPTIMIZERS.values())
    assert len(lines) == 1 + n_edges

    # Direction and size are joined in Adam.
    direction, size = OPTIMIZERS["adam"].parents
    assert OPTIMIZERS[direction].changes == "direction"
    assert OPTIMIZERS[size].changes == "size"
    assert OPTIMIZERS["adam"].changes == "both"


@pytest.mark.catalogue("CMP-04")
def test_summary_table_has_the_nine_methods_with_formula_benefit_and_limit():
    rows = {row["name"]: row for row in summary_table()}
    nine = {"full batch", "one sample", "mini-batch", "momentum", "nesterov", "adagrad"}
    nine |= {"rmsprop", "adadelta", "adam"}
    assert nine <= rows.keys()
    assert len(rows) == len(OPTIMIZERS) + len(REGIMES)
    for row in rows.values():
        assert all(row.values())
