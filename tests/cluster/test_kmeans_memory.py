"""How much memory k-means takes beyond the data."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from gradlab.cluster import KMeans

x = np.random.default_rng(0).standard_normal(({rows}, 64), dtype=np.float32)
KMeans(16, random_state=0).fit(x[:1000])  # what importing and starting take
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
KMeans(16, max_iter=3, random_state=0, n_init={restarts}).fit(x).transform(x[:1000])
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
@pytest.mark.parametrize(
    ("rows", "restarts"), [(200_000, 1), pytest.param(1_000_000, 10, marks=pytest.mark.slow)]
)
def test_the_data_is_not_copied(rows, restarts):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(rows=rows, restarts=restarts)],
        capture_output=True,
        text=True,
        check=True,
    )
    # A start, or ten, takes less than the table itself; a million rows less than 1 GiB.
    assert float(done.stdout) < min(2**30, (0.9 if restarts == 1 else 4) * rows * 64 * 4)
