"""The chain rule of one weight in letters and numbers, along its paths to the loss."""

import itertools

from gradlab.explanation.explanation import Explanation
from gradlab.explanation.names import Address
from gradlab.explanation.paths import Path, WeightPaths
from gradlab.explanation.words import added, factor, number, product

MOST_TERMS = 8


def formulas_of_weight(e: Explanation) -> list[str]:
    """Return the chosen weight's gradient factor by factor; of a very small network every one."""
    if e.chosen is None:
        return []
    address, ways = e.chosen
    return _of_weight(e, address, ways) + [
        line
        for name, found in e.chains.items()
        if e.address(name) != address
        for line in _of_weight(e, e.address(name), found)
    ]


def _of_weight(e: Explanation, address: Address, ways: WeightPaths | None) -> list[str]:
    parameter = e.parameters[address.parameter]
    name = parameter.called(address.index)
    whole = float(parameter.gradient[address.index])
    slope = f"∂E/∂{name}"
    if ways is None:
        return [f"{slope} = {number(whole)}"]
    if e.step.n_rows == 1 and len(ways.paths) == 1 and ways.complete and not ways.penalty:
        return _one_way(e, ways.paths[0], name, slope)
    lines = []
    of_row = float(ways.of_rows[ways.row])
    if e.step.n_rows > 1:
        largest = f"row {ways.row} adds {number(of_row)}"
        total = float(ways.of_rows.sum())
        lines.append(f"{slope} over {e.step.n_rows} rows = {number(total)}; {largest}")
    lines += _by_units(e, ways, name)
    lines += [
        f"{_letters(e, path, name)} = {product(reversed(path.factors))} = {number(path.product)}"
        for path in ways.paths
    ]
    if ways.paths and not ways.complete:
        lines.append(f"all other ways of row {ways.row} add {number(ways.rest)}")
    if ways.penalty:
        lines.append(f"the penalty on weights adds {number(ways.penalty)}")
    lines.append(f"{slope} = {number(whole)}")
    return lines


def _one_way(e: Explanation, path: Path, name: str, slope: str) -> list[str]:
    backwards = list(reversed(path.factors))
    return [
        f"{slope} = {_letters(e, path, name)}",
        f"{slope} = {product(backwards)} = {number(path.product)}",
    ]


def _by_units(e: Explanation, ways: WeightPaths, name: str) -> list[str]:
    """Return Σ ∂E/∂a · ∂a/∂w over the places that the weight reaches."""
    if not ways.direct or (len(ways.direct) == 1 and ways.paths and ways.complete):
        return []
    shown = ways.direct[:MOST_TERMS]
    terms = [f"{number(blame)} × {factor(outward)}" for _, outward, blame in shown]
    more = f" + … ({len(ways.direct)} or more terms)" if len(ways.direct) > len(shown) else ""
    place = unit_name(e, ways.layer, shown[0][0])
    head = f"Σ ∂E/∂{e.layers[ways.layer].name.label} · ∂output/∂{name}"
    if len(ways.direct) == 1:
        head = f"∂E/∂{place} · ∂{place}/∂{name}"
    value = number(float(ways.of_rows[ways.row]))
    return [f"{head} = {added(terms)}{more} = {value}"]


def _letters(e: Explanation, path: Path, name: str) -> str:
    """Return "∂E/∂ŷ · ∂ŷ/∂a3 · ∂a3/∂w5"."""
    on_the_way = [unit_name(e, layer, index) for layer, index in path.places]
    backwards = ["E", *reversed(on_the_way), name]
    return " · ".join(f"∂{above}/∂{below}" for above, below in itertools.pairwise(backwards))


def unit_name(e: Explanation, layer: int, index: tuple[int, ...]) -> str:
    """Return a3, or "output dense[0]"."""
    units = e.layers[layer].units
    if units is not None and len(index) == 1:
        return units[index[0]]
    return f"{e.layers[layer].name.label}[{', '.join(map(str, index))}]"
