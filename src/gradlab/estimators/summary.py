"""A network as a table that a person reads."""

from collections.abc import Sequence

from gradlab.training.interface import Interface
from gradlab.training.network import LayerRow


def table_text(rows: Sequence[LayerRow], interface: Interface) -> str:
    """Return layers, output shapes and counts of parameters, with their sum.

    >>> from gradlab.training.network import network_table
    >>> from gradlab.training.recipe import Recipe
    >>> interface = Interface((28, 28, 1), 10)
    >>> recipe = Recipe(layers=["conv 8 5x5", "pool 2", "dense 64"])
    >>> print(table_text(network_table(recipe, interface), interface))
    layer       output   parameters
    input       28x28x1           0
    conv 8 5x5  28x28x8         208
    pool 2      14x14x8           0
    dense 64    64          100,416
    output 10   10              650
    total                   101,274
    """
    shape = "x".join(map(str, interface.input_shape))
    tokens = "" if interface.n_tokens is None else f" of {interface.n_tokens} tokens"
    lines = [("layer", "output", "parameters"), (f"input{tokens}", shape, "0")]
    lines += [(r.layer, "x".join(map(str, r.output_shape)), f"{r.n_parameters:,}") for r in rows]
    lines.append(("total", "", f"{sum(row.n_parameters for row in rows):,}"))
    wide = [max(len(line[i]) for line in lines) for i in range(3)]
    return "\n".join(
        f"{layer:{wide[0]}}  {shape:{wide[1]}}  {count:>{wide[2]}}" for layer, shape, count in lines
    )
