"""What is written: Markdown, LaTeX, plain data, the terminal, the page."""

import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from gradlab.explanation import explain
from gradlab.explanation.drawing import STAGES, network_svg
from gradlab.explanation.latex import mathematics, words
from gradlab.training.recipe import Recipe


@pytest.fixture(scope="module")
def e():
    return explain(command="gradlab explain")


def test_markdown_has_five_stages_and_every_weight(e):
    told = e.markdown()
    for heading in ("1. Forward", "2. Loss", "3. Backward", "4. Update", "5. Forward again"):
        assert f"## {heading}" in told
    assert "| w5 | 0.5 | −0.105943 | 0.0105943 | 0.0105943 | 0.510594 |" in told
    assert str(e) == told


def test_latex_is_balanced_and_has_fractions(e):
    told = e.latex()
    assert r"\frac{\partial E}{\partial w_{5}}" in told
    assert r"\hat{y}" in told
    assert told.count("{") == told.count("}")
    assert told.count(r"\begin{longtable}") == told.count(r"\end{longtable}")
    body = re.sub(r"[\x00-\x7f]", "", told)
    assert set(body) <= set("’"), f"not known to LaTeX: {set(body)}"


def test_formulas_of_longer_names_are_upright():
    assert mathematics("∂E/∂layer 1 weight[3, 2] = 2") == (
        r"\frac{\partial E}{\partial \text{layer 1 weight[3, 2]}} = 2"
    )
    assert mathematics("1.5e−7") == r"1.5\cdot 10^{-7}"
    assert words("a_b & 5 %") == r"a\_b \& 5 \%"


def test_plain_data_is_json_and_holds_every_number(e):
    data = json.loads(json.dumps(e.to_dict(), allow_nan=False))
    assert data["numbers"]["h1"] == pytest.approx(0.613014176, abs=5e-10)
    (hidden, output) = data["parameters"]
    assert hidden["short"] == [["w1", "w2"], ["w3", "w4"]]
    np.testing.assert_allclose(output["new"], [[0.510594293], [0.361039295]], atol=5e-10)
    assert data["chosen"]["paths"][0]["factors"][2] == pytest.approx(-0.740999165, abs=5e-10)


@pytest.mark.parametrize("width", [60, 100])
def test_the_terminal_cuts_no_number(width):
    e = explain("parabola", recipe=Recipe(optimizer="adam", loss="squared_error"))
    out = io.StringIO()
    e.show(Console(file=out, width=width, highlight=False))
    told = out.getvalue()
    assert "…" not in told
    assert all(len(line) <= width for line in told.splitlines())
    assert "by momentum" in told


@pytest.mark.parametrize("stage", STAGES)
def test_every_drawing_is_well_formed_and_shows_all_nodes_and_edges(e, stage):
    drawing = ElementTree.fromstring(network_svg(e, stage))
    edges = drawing.findall("line")
    assert len(drawing.findall("rect")) == 5
    loss = stage in ("loss", "backward", "again")
    assert len(edges) == 6 + loss
    marked = [line for line in edges if line.get("class") == "marked"]
    assert len(marked) == (stage == "backward")


@pytest.mark.catalogue("PIC-45")
def test_the_drawing_holds_the_table_in_drawing_order(e):
    forward = re.sub(r"<[^>]+>", " ", network_svg(e, "forward"))
    order = ["w1", "0.5", "w2", "0.3", "w3", "0.3", "w4", "0.6", "w5", "0.5", "w6", "0.35",
             "x1", "0.5", "x2", "0.7", "a1", "0.46", "h1", "0.613014", "a2", "0.57", "h2",
             "0.638763", "a3", "0.530074", "ŷ", "0.6295"]  # fmt: skip
    assert forward.split() == order
    backward = network_svg(e, "backward")
    for number in ("−0.0102496", "−0.00697865", "−0.0143494", "−0.00977011", "−0.105943",
                   "−0.110393", "−0.172823", "−0.740999", "0.13727"):  # fmt: skip
        assert f">{number}<" in backward or f" {number}<" in backward
    again = network_svg(e, "again")
    for number in ("0.501025", "0.300698", "0.301435", "0.600977", "0.510594", "0.361039",
                   "0.461517", "0.571033", "0.613374", "0.639001", "0.54389", "0.632717",
                   "0.134897"):  # fmt: skip
        assert f">{number}<" in again or f" {number}<" in again


def test_the_page_turns_without_scripts_and_loads_nothing(e, tmp_path):
    path = e.page(tmp_path / "page.html")
    html = path.read_text(encoding="utf-8")
    for i, stage in enumerate(STAGES):
        assert f'id="stage-{stage}"' in html
        if i:
            assert f'<label for="stage-{STAGES[i - 1]}">← Previous' in html
        if i + 1 < len(STAGES):
            assert f'<label for="stage-{STAGES[i + 1]}">Next' in html
    assert html.count('<svg class="network"') == 5
    own = html.replace(html[html.index("<script>") : html.index("</script>")], "")
    assert 'src="http' not in own
    assert "gradlab explain" in html


def test_names_of_the_user_are_escaped(tmp_path, rng):
    e = explain(command="gradlab explain '<b>&.html'")
    html = e.page(tmp_path / "p.html").read_text(encoding="utf-8")
    assert "<b>&" not in html
    assert "&lt;b&gt;" in html


def test_a_network_too_large_to_draw_has_a_page(tmp_path, rng):
    recipe = Recipe(hidden=(20, 20), optimizer="adam")
    e = explain(recipe, rng.normal(size=(3, 5)), np.array([0, 1, 2]), unit="layer 2[3]")
    html = e.page(tmp_path / "p.html").read_text(encoding="utf-8")
    assert '<svg class="network"' not in html
    assert "Unit layer 2 dense[3]" in html
    assert repr(e).startswith("Explanation('The first step of a recipe', loss ")
