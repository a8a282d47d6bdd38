"""What the page on environments says in words and pictures."""

from pathlib import Path

import pytest

import gradlab.rl as rl

PAGE = Path(__file__).parents[2] / "docs" / "environments.md"


@pytest.mark.catalogue("RLE-11", "RLE-12")
@pytest.mark.parametrize(
    ("word", "says"),
    [("AlphaGo", "reinforcement learning"), ("Sutton's definition", "not by learning methods")],
)
def test_the_glossary_has_the_entry(word, says):
    entries = PAGE.read_text(encoding="utf-8").split("## Words")[1].splitlines()
    [entry] = [line for line in entries if line.startswith("- **") and word in line.split("**")[1]]
    assert says in entry


@pytest.mark.catalogue("PIC-61")
def test_the_page_draws_the_loop_the_elements_and_the_floor_plan():
    text = PAGE.read_text(encoding="utf-8")
    assert str(rl.vacuum().drawing) in text
    loop = text.split("```")[1]
    for part in ("agent", "environment", "action A_t", "reward R_t+1", "observation O_t+1"):
        assert part in loop
    for element in ("policy", "reward signal", "value function", "model"):
        assert f"**{element}**" in text


def test_the_table_names_every_built_in_environment_and_its_sizes():
    text = PAGE.read_text(encoding="utf-8")
    for name, make in rl.ENVIRONMENTS.items():
        [row] = [line for line in text.splitlines() if line.startswith(f"| `{name}`")]
        environment = make()
        cells = [cell.strip() for cell in row.split("|")]
        if cells[4].isdigit():
            assert int(cells[4]) == environment.n_actions
        if cells[3][0].isdigit() and environment.n_observations:
            assert int(cells[3].split(" ")[0].replace(",", "")) == environment.n_observations
