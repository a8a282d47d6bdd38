"""How often a ranking errs: false "better" verdicts in A/A studies, and the power it promised.

    python benchmarks/false_verdicts.py [--studies 1000]

In an A/A study every level is the same technique, so each verdict "better" or "worse" is false.
One is allowed in 5 % of studies, however many levels they have. The margin is 0 here: a real
study is stricter, since it also calls differences too small to matter "practically equal".
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradlab.lab.pairs import Test, required_seeds
from gradlab.lab.ranking import rank_axis

VALIDATION_ROWS = 360  # of the digits, at the default split


@dataclass(frozen=True)
class Share:
    """A share of studies with its 95 % Wilson interval."""

    count: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.count / self.n

    def __str__(self) -> str:
        return f"{100 * self.value:5.1f} % [{100 * self.low:4.1f}, {100 * self.high:4.1f}]"


def share_of(count: int, n: int) -> Share:
    """Return count / n with its Wilson interval."""
    from scipy.stats import binomtest

    ends = binomtest(count, n).proportion_ci(method="wilson")
    return Share(count, n, float(ends.low), float(ends.high))


def false_better_share(
    draw: Callable[[int], np.ndarray],
    n_studies: int,
    *,
    resolution: float | None = None,
    test: Test = "paired t",
) -> Share:
    """Return the share of A/A studies with any verdict "better" or "worse" in any pair.

    Args:
        draw: Number of the study -> scores (levels, seeds), all levels the same technique.
        n_studies: Studies to rank.
        resolution: Smallest step of a score, as in `rank_axis`.
        test: As in `rank_axis`.
    """
    wrong = 0
    for study in range(n_studies):
        scores = draw(study)
        levels = [f"technique {i}" for i in range(len(scores))]
        ranking = rank_axis("same", levels, scores, margin=0.0, resolution=resolution, test=test)
        wrong += any(pair.verdict in ("better", "worse") for pair in ranking.pairs)
    return share_of(wrong, n_studies)


def found_share(
    draw: Callable[[int], np.ndarray], n_studies: int, *, better: int = 0, worse: int = 1
) -> Share:
    """Return the share of studies in which row `better` is found to beat row `worse`."""
    found = 0
    for study in range(n_studies):
        scores = draw(study)
        levels = [str(i) for i in range(len(scores))]
        difference = rank_axis("known", levels, scores, margin=0.0).difference(
            str(better), str(worse)
        )
        found += difference is not None and difference.verdict == "better"
    return share_of(found, n_studies)


def normal(rng: np.random.Generator, levels: int, seeds: int) -> np.ndarray:
    """Accuracies around 95 % that share a part with their seed."""
    return 0.95 + 0.005 * rng.normal(size=(1, seeds)) + 0.01 * rng.normal(size=(levels, seeds))


def heavy_tailed(rng: np.random.Generator, levels: int, seeds: int) -> np.ndarray:
    """Student t with 2 degrees of freedom: now and then a run goes badly wrong or well."""
    return 0.95 + 0.01 * rng.standard_t(2, size=(levels, seeds))


def skewed(rng: np.random.Generator, levels: int, seeds: int) -> np.ndarray:
    """Most runs near the top, some far below."""
    return 0.97 - 0.01 * rng.exponential(size=(levels, seeds)) ** 2


def discrete(rng: np.random.Generator, levels: int, seeds: int) -> np.ndarray:
    """Hits of 360 rows at 97 %: few distinct scores, many ties."""
    return rng.binomial(VALIDATION_ROWS, 0.97, size=(levels, seeds)) / VALIDATION_ROWS


def coarse(rng: np.random.Generator, levels: int, seeds: int) -> np.ndarray:
    """Hardly any variation: one row more or less of 360."""
    return (350 + rng.binomial(2, 0.5, size=(levels, seeds))) / VALIDATION_ROWS


DRAWS = {
    "normal": (normal, None),
    "heavy tailed": (heavy_tailed, None),
    "skewed": (skewed, None),
    "discrete k/360": (discrete, 1 / VALIDATION_ROWS),
    "coarse k/360": (coarse, 1 / VALIDATION_ROWS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    studies = parser.parse_args().studies

    print(f"A/A: share of {studies} studies with any false verdict, Wilson 95 %; allowed 5 %")
    print(f"{'scores':<16}{'levels':>7}{'seeds':>7}  {'paired t':<22}{'welch':<22}")
    for name, (draw, resolution) in DRAWS.items():
        for levels in (2, 8):
            for seeds in (5, 10):

                def study_scores(study: int, draw=draw, levels=levels, seeds=seeds) -> np.ndarray:
                    return draw(np.random.default_rng((0, study)), levels, seeds)

                paired, welch = (
                    false_better_share(study_scores, studies, resolution=resolution, test=test)
                    for test in ("paired t", "welch")
                )
                print(f"{name:<16}{levels:>7}{seeds:>7}  {paired!s:<22}{welch!s:<22}")

    print(
        f"\nPower: share of {studies} studies that find a true difference of 2 points, asked 80 %"
    )
    print(f"{'std of differences':<20}{'levels':>7}{'seeds':>7}  found")
    for std in (0.015, 0.03):
        for levels in (2, 8):
            # The known pair among `levels`: asked for at Holm's first and hardest step.
            seeds = required_seeds(std, 0.02, alpha=0.05 / (levels * (levels - 1) / 2))
            if seeds is None:
                raise SystemExit("A 2-point difference was called out of reach.")

            def known(study: int, std=std, levels=levels, seeds=seeds) -> np.ndarray:
                rng = np.random.default_rng((1, study))
                scores = 0.93 + std / np.sqrt(2) * rng.normal(size=(levels, seeds))
                scores[0] += 0.02
                return scores

            print(f"{std:<20}{levels:>7}{seeds:>7}  {found_share(known, studies)}")


if __name__ == "__main__":
    main()
