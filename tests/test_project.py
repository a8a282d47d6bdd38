"""The house rules that a program can check: floors, imports, messages, docstrings, papers."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from gradlab import errors

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "gradlab"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the ground up; a module imports from its own floor or from one below.
FLOORS = (
    {"blas", "errors", "files", "native", "process", "scalars"},
    {"nn", "optim", "data", "metrics", "plots"},
    {"training"},
    {"estimators", "autoencoder", "cluster", "decomposition", "generative", "style", "rl"},
    {"report"},
    {"lab"},
    {"doctor", "explanation"},
    {"cli"},
)
HEAVY = ("equinox", "jax", "optax", "pandas", "plotly", "polars", "scipy", "sklearn", "torch")
ERROR_NAMES = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.GradlabError)
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def imported(tree: ast.AST) -> set[str]:
    """Return the absolute names that the code imports, `from a import b` as `a.b`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}: write it in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def at_import(tree: ast.Module) -> set[str]:
    """Return what is imported when the module is, leaving out functions and TYPE_CHECKING."""

    def statements(body):
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            yield node
            for field in ("body", "orelse", "finalbody", "handlers"):
                yield from statements(getattr(node, field, []))

    nodes = [
        node for node in statements(tree.body) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return imported(ast.Module(nodes, type_ignores=[]))


def own_modules(names: set[str]) -> set[str]:
    """Return the modules of Gradlab among imported names; an object's name becomes its module."""
    modules = set()
    for name in names:
        if name.split(".")[0] == "gradlab":
            modules.add(name if name in MODULES else name.rpartition(".")[0])
    return modules


def floor(module: str) -> int | None:
    """Return the floor of a module; None for the top-level package, which hands out all."""
    folder = module.split(".")[1] if "." in module else ""
    if not folder:
        return None
    (found,) = (i for i, floor in enumerate(FLOORS) if folder in floor)
    return found


def test_every_folder_has_a_floor():
    folders = {name.split(".")[1] for name in MODULES if "." in name}
    assert folders <= set().union(*FLOORS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_only_downwards(module):
    if floor(module) is None:
        pytest.skip("the top-level package hands out names of every floor")
    upwards = {
        other
        for other in own_modules(imported(MODULES[module]))
        if floor(other) is None or floor(other) > floor(module)
    }
    assert not upwards, f"{module} imports from above: {sorted(upwards)}"


def test_no_module_imports_itself_by_a_circle():
    graph = {name: own_modules(at_import(tree)) - {name} for name, tree in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_pickled(module):
    forbidden = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    roots = {name.split(".")[0] for name in imported(MODULES[module])}
    assert not roots & forbidden
    allowing = [
        keyword.lineno
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
    ]
    assert not allowing, f"{module} allows pickles in lines {allowing}"


def test_import_gradlab_is_light():
    code = f"import gradlab, sys; print(*(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("module", MODULES)
def test_every_own_error_has_a_message(module):
    mute = []
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Raise) and node.exc is not None:
            call = node.exc if isinstance(node.exc, ast.Call) else None
            name = ast.unparse(call.func if call else node.exc).split(".")[-1]
            if name in ERROR_NAMES and not (call and call.args):
                mute.append(node.lineno)
    assert not mute, f"{module} raises an error without a message in lines {mute}"


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_documented(module):
    tree = MODULES[module]
    if module.split(".")[-1] in {"__init__", "__main__"} or not tree.body:
        pytest.skip("nothing is defined here")
    public = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not is_named_tuple(node)  # a state is told by the comments at its fields
    ]
    mute = [node.name for node in public if not ast.get_docstring(node)]
    assert ast.get_docstring(tree), f"{module} does not say what it is for"
    assert not mute, f"{module}: no docstring for {mute}"


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name.startswith(("gradlab.nn.", "gradlab.optim."))]
)
def test_every_file_of_techniques_has_an_example_that_runs(module):
    functions = [
        node
        for node in MODULES[module].body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    nodes = filter(documented, ast.walk(MODULES[module]))
    docstrings = [ast.get_docstring(node) or "" for node in nodes]
    assert not functions or any(">>> " in text for text in docstrings)


def documented(node: ast.AST) -> bool:
    return isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)


def is_named_tuple(node: ast.stmt) -> bool:
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    return any(ast.unparse(base) == "NamedTuple" for base in bases)


def test_changelog_has_a_place_for_the_next_change():
    assert re.search(r"^## \[?Unreleased", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_ci_runs_the_line_that_the_readme_gives():
    line = "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/pytest"
    assert line in (ROOT / "README.md").read_text()
    assert line in (ROOT / ".ci" / "run").read_text()


def test_decisions_are_numbered_without_gaps():
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [name[:4] for name in names] == [f"{i:04}" for i in range(1, len(names) + 1)]
