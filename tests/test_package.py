"""What `import gradlab as gl` hands out."""

import importlib.metadata
import subprocess
import sys
import types

import pytest

import gradlab


def test_the_version_is_that_of_the_distribution():
    assert gradlab.__version__ == importlib.metadata.version("gradlab") == "0.1.0"


@pytest.mark.parametrize("name", gradlab.__all__)
def test_every_public_name_resolves(name):
    value = getattr(gradlab, name)
    if isinstance(value, types.ModuleType):
        assert value is importlib.import_module(f"gradlab.{name}")
    else:
        assert callable(value)
        assert value.__name__ == name
        assert value.__doc__


@pytest.mark.parametrize("name", gradlab.nn.__all__)
def test_every_part_of_networks_resolves(name):
    value = getattr(gradlab.nn, name)
    assert not isinstance(value, types.ModuleType)


def test_dir_is_what_is_handed_out():
    assert dir(gradlab) == sorted(gradlab.__all__)
    assert len(set(gradlab.__all__)) == len(gradlab.__all__)


def test_one_part_loads_no_other():
    code = (
        "from gradlab.nn import Dense; import sys; "
        "print([name for name in sys.modules if name.startswith('gradlab.nn.recurrent')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["Recipes", "_missing", "jax"])
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"No gradlab attribute {name}"):
        getattr(gradlab, name)


def test_a_star_import_gives_every_name():
    code = "from gradlab import *; import gradlab; print(set(gradlab.__all__) <= set(globals()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
