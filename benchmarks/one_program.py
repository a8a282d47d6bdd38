"""One program with a switch over kinds against a program a kind: compilation and training.

    python benchmarks/one_program.py [--repeats 3]

Both train the same runs of the default study's 20 kinds in one process, one after the other in
turns, without the compilation cache.
"""

import argparse
import statistics
import time

from gradlab.lab.compare import prepare, read_data
from gradlab.lab.design import cells_of
from gradlab.lab.question import Question
from gradlab.training import executors
from gradlab.training.executors import Compiled, execute
from gradlab.training.plan import Run, plan


def train(task, recipes, seeds: int) -> tuple[float, float]:
    """Return the seconds that compiling and training took, all recipes in one plan."""
    runs = [Run(recipe, seed) for recipe in recipes for seed in range(seeds)]
    executors._compiled.cache_clear()
    planned = plan(task, runs, workers=executors.cores())
    began, compiling = time.perf_counter(), 0.0
    for event in execute(planned):
        if isinstance(event, Compiled):
            compiling += event.seconds
    return compiling, time.perf_counter() - began - compiling


def main() -> None:
    """Print one table: median seconds of both ways."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=8)
    arguments = parser.parse_args()
    question = Question()
    task, _ = prepare(read_data("digits", question.data), question)
    kinds = {cell.recipe.structure(): cell.recipe for cell in cells_of(question)}
    together, apart = [], []
    for _ in range(arguments.repeats):
        together.append(train(task, kinds.values(), arguments.seeds))
        each = [train(task, [recipe], arguments.seeds) for recipe in kinds.values()]
        apart.append(tuple(map(sum, zip(*each, strict=True))))
    print(
        f"{len(kinds)} kinds, {arguments.seeds} runs each; median of {arguments.repeats}, seconds"
    )
    print(f"{'':24}{'compile':>10}{'train':>10}")
    for name, times in (("one program", together), ("a program a kind", apart)):
        compiling, training = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:24}{compiling:10.2f}{training:10.2f}")


if __name__ == "__main__":
    main()
