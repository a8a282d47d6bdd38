"""5-fold × 10-seed cross-validation of an MLP against scikit-learn's `cross_val_score`.

    python benchmarks/cross_validation.py [--rounds 3] [--folds 5] [--seeds 10] [--epochs 20]

Both: handwritten digits, scaling fitted on each fold's training rows, one hidden layer of 64,
batches of 32, Adam at 0.001, the same number of epochs, a new stratified partition for each seed.
scikit-learn: a pipeline in `cross_val_score(n_jobs=2)`, one BLAS thread a process. Each side runs
in a process of its own; its time is that of the whole cross-validation, imports left out,
compilation included; "again" is a second one in the same process. Target: 8 times as fast.
"""

import argparse
import json
import os
import statistics
import sys
import time
import warnings

from timing import interleave, print_table, run_command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--side", choices=["gradlab", "scikit-learn"], help="run one side, as JSON")
    arguments = parser.parse_args()
    if arguments.side:
        side = gradlab if arguments.side == "gradlab" else scikit_learn
        print(json.dumps(side(arguments.folds, arguments.seeds, arguments.epochs)))
        return

    results: dict[str, list[dict]] = {"gradlab": [], "scikit-learn": []}

    def run(side: str) -> float:
        command = [sys.executable, __file__, "--side", side]
        for name in ("folds", "seeds", "epochs"):
            command += [f"--{name}", str(getattr(arguments, name))]
        if side == "scikit-learn":
            os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
        results[side].append(json.loads(run_command(command)))
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.pop(name, None)
        return results[side][-1]["seconds"]

    timings = interleave({side: lambda side=side: run(side) for side in results}, arguments.rounds)
    print_table(f"{arguments.folds} folds x {arguments.seeds} seeds on digits", timings)
    again = statistics.median(result["again"] for result in results["gradlab"])
    print(f"Gradlab again: {again:.2f} s, {timings[1].median / again:.1f} times as fast")
    for side, made in results.items():
        print(f"mean accuracy of {side}: {statistics.mean(r['score'] for r in made):.4f}")


def gradlab(folds: int, seeds: int, epochs: int) -> dict:
    """Cross-validate twice in this process."""
    from gradlab.lab.cross_validation import cross_validate
    from gradlab.training.recipe import Recipe

    recipe = Recipe(hidden=(64,), init="xavier_uniform", epochs=epochs)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        result = cross_validate("digits", recipe, folds=folds, seeds=seeds)
        seconds.append(time.perf_counter() - began)
    return {"seconds": seconds[0], "again": seconds[1], "score": result.mean}


def scikit_learn(folds: int, seeds: int, epochs: int) -> dict:
    """Cross-validate once for each seed."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"  # of the workers: they all stop at their last epoch
    x, y = load_digits(return_X_y=True)
    x = x.astype(np.float32)
    began = time.perf_counter()
    scores = [
        cross_val_score(
            make_pipeline(
                StandardScaler(),
                MLPClassifier(
                    hidden_layer_sizes=(64,),
                    batch_size=32,
                    max_iter=epochs,
                    n_iter_no_change=epochs + 1,
                    alpha=0.0,
                    random_state=seed,
                ),
            ),
            x,
            y,
            cv=StratifiedKFold(folds, shuffle=True, random_state=seed),
            n_jobs=2,
        )
        for seed in range(seeds)
    ]
    return {"seconds": time.perf_counter() - began, "score": float(np.mean(scores))}


if __name__ == "__main__":
    main()
