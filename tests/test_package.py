"""What `import gradlab as gl` hands out."""

import ast
import importlib
import subprocess
import sys
import types
from pathlib import Path

import pytest

import gradlab


@pytest.mark.parametrize("name", gradlab.__all__)
def test_every_public_name_resolves(name):
    value = getattr(gradlab, name)
    if name == "__version__":
        assert value == "0.1.0"
    elif isinstance(value, types.ModuleType):
        assert value is importlib.import_module(f"gradlab.{name}")
    else:
        assert callable(value)
        assert value.__name__ == name
        assert value.__doc__


def test_dir_is_what_is_handed_out():
    assert dir(gradlab) == sorted(gradlab.__all__)
    assert len(set(gradlab.__all__)) == len(gradlab.__all__)


def test_what_type_checkers_see_is_what_is_there():
    # The imports under TYPE_CHECKING and the table of homes must not drift apart.
    tree = ast.parse(Path(gradlab.__file__).read_text(encoding="utf-8"))
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname: node.module for node in typed.body for alias in node.names}
    assert seen == gradlab._HOMES


@pytest.mark.parametrize("name", ["Recipes", "_missing", "jax"])
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"module 'gradlab' has no attribute '{name}'"):
        getattr(gradlab, name)


def test_a_star_import_gives_every_name():
    code = "from gradlab import *; import gradlab; print(set(gradlab.__all__) <= set(globals()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
