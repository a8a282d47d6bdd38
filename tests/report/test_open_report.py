"""The page in a real browser, without network: it draws every figure and logs no error."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gradlab.report import render_report, write_page, write_report

from .page_example import page_example
from .test_report import HOSTILE, all_diverged, hostile, many_levels

TOOL = Path(__file__).parents[2] / "tools" / "open_report.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
        reason="no Chromium",
    ),
]


def open_report(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("width", ["1400", "400"])
@pytest.mark.parametrize("contents", [hostile, many_levels, all_diverged])
def test_a_page_opens_without_errors(contents, width, tmp_path):
    path = write_report(contents(), tmp_path / "report.html")
    opened = open_report(path, "--width", width, "--script", "document.querySelector('#x, b, img')")
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.startswith("None"), "a name became an element"


@pytest.mark.parametrize("width", ["1400", "400"])
@pytest.mark.parametrize("said", ["", HOSTILE], ids=["example", "hostile"])
def test_a_page_of_any_analysis_opens_without_errors(said, width, tmp_path):
    path = write_page(page_example(said), tmp_path / "report.html")
    # Every figure drawn, every picture decoded, no name became an element.
    script = (
        "[[...document.images].every((i) => i.complete && i.naturalWidth),"
        " document.images.length, document.querySelector('#x')].join()"
    )
    opened = open_report(path, "--width", width, "--script", script)
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.startswith("true,6,\n")


def test_a_figure_takes_the_ink_of_the_theme(tmp_path):
    path = write_page(page_example(), tmp_path / "report.html")
    script = (
        "new Promise((done) => { const ink = () => getComputedStyle("
        "document.querySelector('.plot .xtick text')).fill; const light = ink();"
        "document.getElementById('theme').click(); document.getElementById('theme').click();"
        "setTimeout(() => done([light, ink()].join(' | ')), 500); })"
    )
    opened = open_report(path, "--script", script)
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.startswith("rgb(92, 99, 107) | rgb(162, 168, 176)")


def test_a_pinned_level_dims_the_others(tmp_path):
    path = write_report(many_levels(9), tmp_path / "report.html")
    script = (
        "document.querySelector('.legend [data-level=\"3\"]').click(),"
        "[document.querySelectorAll('.trace.lit').length > 3,"
        " document.querySelectorAll('.trace.dim').length > 3].join()"
    )
    assert open_report(path, "--script", script).stdout.startswith("true,true")


def test_a_figure_that_fails_is_found_out(tmp_path):
    path = tmp_path / "report.html"
    html = render_report(many_levels(3)).replace('"role":"line"', '"role":"nonsense"')
    path.write_text(html, encoding="utf-8")
    opened = open_report(path, "--timeout", "10")
    assert opened.returncode == 1
    assert "figures drawn" in opened.stderr
    assert "was not drawn" in opened.stderr


def test_a_foreign_script_does_not_run(tmp_path):
    path = tmp_path / "report.html"
    html = render_report(many_levels(3)).replace("</main>", "<script>window.x = 1</script></main>")
    path.write_text(html, encoding="utf-8")
    opened = open_report(path, "--script", "typeof window.x")
    assert opened.stdout.startswith("undefined")
    assert "Content Security Policy" in opened.stderr
