"""Settings of the process: the cache of compiled programs stays within its limit."""

import os

import pytest

from gradlab import process


@pytest.fixture
def unchanged():
    """Put JAX's settings back."""
    import jax

    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture
def folder(tmp_path, unchanged, monkeypatch):
    """Four programs of 10 bytes, the first used longest ago, and a file that is none."""
    monkeypatch.setattr(process, "CACHE_BYTES", 25)
    for i in range(4):
        path = tmp_path / f"program{i}-cache"
        path.write_bytes(b"0123456789")
        os.utime(path, (1e9 + i, 1e9))
    (tmp_path / "mine.txt").write_text("x" * 100)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.filterwarnings("default")
def test_programs_used_longest_ago_are_deleted_beyond_the_limit(folder):
    process.configure(compilation_cache=folder)
    assert names(folder) == ["mine.txt", "program2-cache", "program3-cache"]


@pytest.mark.filterwarnings("default")
def test_within_the_limit_nothing_is(folder, monkeypatch):
    monkeypatch.setattr(process, "CACHE_BYTES", 40)
    process.configure(compilation_cache=folder)
    assert len(names(folder)) == 5


@pytest.mark.filterwarnings("default")
def test_no_folder_yet_is_none_to_cut(folder):
    process.configure(compilation_cache=folder / "none")
    assert len(names(folder)) == 5
