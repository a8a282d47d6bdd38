"""Write tests/oracles/fuzzy_kmeans.safetensors: fuzzy c-means of scikit-fuzzy, step by step.

Run from the repository with the [peers] extra installed: python tools/oracles/fuzzy_kmeans.py
In float64. From memberships of fixed centroids, with m = 1.5, 2 and 3: centroids and memberships
after one iteration and after fifty, and the objective at each. Its last iteration updates the
centroids from the memberships given, then the memberships: the centroids returned are one update
behind them.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from skfuzzy.cluster import cmeans

rng = np.random.default_rng(0)
x = rng.normal(size=(60, 3)) + 3 * rng.integers(0, 2, size=(60, 3))
start = x[:4].copy() + 0.01
arrays = {"x": x, "start": start}
for m in (1.5, 2.0, 3.0):
    distances = ((x[None] - start[:, None]) ** 2).sum(axis=2)
    memberships = distances ** (-1 / (m - 1))
    memberships /= memberships.sum(axis=0)
    for steps in (1, 50):
        centers, u, _, _, objective, _, _ = cmeans(
            x.T, 4, m, error=0.0, maxiter=steps, init=memberships
        )
        arrays[f"centers.{m}.{steps}"] = centers
        arrays[f"memberships.{m}.{steps}"] = u.T
        arrays[f"objective.{m}.{steps}"] = np.asarray(objective)

path = Path(__file__).parents[2] / "tests" / "oracles" / "fuzzy_kmeans.safetensors"
save_file(
    {name: np.ascontiguousarray(a) for name, a in arrays.items()},
    path,
    metadata={"scikit-fuzzy": version("scikit-fuzzy")},
)
print(path.relative_to(Path.cwd()), path.stat().st_size, "bytes")
