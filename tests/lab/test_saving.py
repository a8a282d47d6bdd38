"""Analyses are saved into folders that need not exist."""

import pytest

from gradlab.errors import StudyError
from gradlab.explanation.descents import descend_surfaces
from gradlab.lab.clustering.study import cluster_study
from gradlab.lab.reduction.study import reduction_study


@pytest.fixture(
    scope="module",
    params=[
        lambda: cluster_study("iris", k=3),
        lambda: reduction_study("iris"),
        lambda: descend_surfaces(["bowl"], ["sgd"], steps=5),
    ],
    ids=["cluster", "reduce", "descend"],
)
def study(request):
    return request.param()


def test_the_folder_is_made_with_those_above_it(study, tmp_path):
    folder = study.save(tmp_path / "new" / "folder")
    assert (folder / "report.html").exists()
    assert (folder / "results.json").exists()


def test_a_file_in_the_way_is_told(study, tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(StudyError, match=r"taken.* can't be made: .*Name another"):
        study.save(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"
