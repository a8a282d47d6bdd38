"""Compiled programs are kept for the next use, and let go before they fill the process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradlab.training import executors
from gradlab.training.executors import execute, forget_programs
from gradlab.training.plan import Run, plan
from gradlab.training.recipe import Recipe
from tests.training.conftest import classes_task

linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells")

FILLED = """
import mmap
from gradlab.process import crowded
limit = int(open("/proc/sys/vm/max_map_count").read())
print(crowded())
held = [mmap.mmap(-1, 4096) for _ in range(limit // 2)]
print(crowded())
del held
print(crowded())
"""


def weights(width):
    asked = [Run(Recipe(hidden=(width,), epochs=2, batch_size=8), 0)]
    planned = plan(classes_task(), asked, workers=1)
    *_, result = execute(planned, workers=1)
    return result.weights


def held() -> int:
    return executors._compiled.cache_info().currsize


def maps() -> int:
    return len(Path("/proc/self/maps").read_bytes().splitlines())


@linux
def test_a_process_with_half_of_its_maps_used_is_crowded():
    done = subprocess.run(
        [sys.executable, "-c", FILLED], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True", "False"]


def test_equal_programs_are_compiled_once():
    forget_programs()
    first = weights(5)
    assert held() == 1
    np.testing.assert_array_equal(weights(5), first)
    assert held() == 1
    assert weights(6).shape != first.shape
    assert held() == 2


@linux
def test_programs_that_are_forgotten_give_back_their_maps():
    weights(6)  # threads and their stacks are there from now on
    forget_programs()
    before = maps()
    weights(5)
    grown = maps()
    forget_programs()
    assert grown - before > 100
    assert maps() - before < (grown - before) / 4


def test_a_crowded_process_forgets_before_it_compiles(monkeypatch):
    forget_programs()
    first = weights(5)
    weights(6)
    monkeypatch.setattr(executors, "crowded", lambda: True)
    np.testing.assert_array_equal(weights(5), first)
    assert held() == 1
