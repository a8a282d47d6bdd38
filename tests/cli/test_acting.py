import json
import re

import pytest
import typer
from typer.testing import CliRunner

from gradlab.cli.acting import act

app = typer.Typer()
app.command()(act)
run = CliRunner()


def test_agents_are_compared_and_the_page_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run.invoke(
        app,
        ["chain", "--vary", "exploration=greedy,epsilon:0.2", "--seeds", "3", "--episodes", "40",
         "--set", "length=3", "--set", "learning_rate=0.5"],
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    told = " ".join(found.stdout.split())
    assert "Exploring and greedy agents are practically equal after training." in told
    assert "The best possible is a return of 1, exactly, by the model" in told
    assert (tmp_path / "gradlab-act" / "report.html").is_file()
    results = json.loads((tmp_path / "gradlab-act" / "results.json").read_text())
    assert results["settings"] == {"length": 3, "learning_rate": 0.5}
    assert [row["seed"] for row in results["runs"]] == [0, 1, 2, 0, 1, 2]


def test_json_holds_the_results_and_nothing_else(tmp_path):
    found = run.invoke(
        app, ["chain", "--seeds", "2", "--episodes", "20", "--json", "--out", str(tmp_path / "x")]
    )
    content = json.loads(found.stdout)
    assert content["environment"] == "chain"
    assert content["optimum"] == 1.0


def test_a_size_typed_with_an_x_is_a_size(tmp_path):
    found = run.invoke(
        app,
        ["frozen_lake", "--set", "size=8x8", "--seeds", "2", "--episodes", "5", "--json", "--out",
         str(tmp_path / "x")],
    )  # fmt: skip
    assert json.loads(found.stdout)["optimum"] == pytest.approx(0.913, abs=0.001)


def test_cart_pole_gets_a_network_by_itself(tmp_path):
    found = run.invoke(
        app,
        ["cart-pole", "--seeds", "2", "--steps", "400", "--set", "hidden=8", "--set", "warm_up=100",
         "--json", "--out", str(tmp_path / "x")],
    )  # fmt: skip
    content = json.loads(found.stdout)
    assert content["agents"] == ["dqn"]
    assert content["goal"] == 195.0
    assert (tmp_path / "x" / "network.safetensors").is_file()
    page = (tmp_path / "x" / "report.html").read_text()
    assert re.search("0 of 2 runs reached a mean of 195 steps over 100 training episodes", page)
