"""Ctrl-C and kill, on a real process."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

import gradlab as gl

ENTRY = (sys.executable, "-c", "from gradlab.cli.main import main; main()")
LONG = [
    *("--vary", "optimizer=sgd,adam"),
    *("--set", "hidden=4"),
    *("--set", "batch_size=4"),
    *("--epochs", "2000"),
    *("--seeds", "100"),
    *("--learning-rates", "0"),
    *("--workers", "1"),
]
PATIENCE = 120.0
"""Seconds after which a test gives up waiting."""


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a command in a folder and cache of its own."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    started = []

    def begin(*arguments):
        process = subprocess.Popen(
            [*ENTRY, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def stored(folder) -> int:
    """Return how many runs a folder holds."""
    if not (folder / "runs.sqlite").exists():
        return 0
    connection = sqlite3.connect(folder / "runs.sqlite", timeout=5)
    try:
        return connection.execute("SELECT count(*) FROM history").fetchone()[0]
    except sqlite3.Error:  # no table yet
        return 0
    finally:
        connection.close()


def wait_for(condition, process):
    """Wait until something is so; fail if the process ends before."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ctrl_c_while_compiling(start, data_file, tmp_path):
    process = start("compare", data_file, *LONG, "--out", "s")
    for line in process.stderr:
        if line.startswith("Study folder"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert "Stopped: 0 of 200 runs are kept. Go on with: gradlab resume s" in err
    assert "Traceback" not in err
    assert gl.open_study(tmp_path / "s").runs == []


def test_while_training_no_other_writes_and_ctrl_c_keeps_what_is_done(start, data_file, tmp_path):
    process = start("compare", data_file, *LONG, "--out", "s")
    wait_for(lambda: stored(tmp_path / "s"), process)
    second = start("resume", "s")
    _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 2
    assert err.startswith("gradlab: Another process is writing the study in s.")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    kept = len(gl.open_study(tmp_path / "s").runs)
    assert 0 < kept < 200
    assert f"Stopped: {kept} of 200 runs are kept. Go on with: gradlab resume s" in err
    assert err.endswith("gradlab: stopped.\n")


def test_an_impatient_ctrl_c_ends_as_well(start, data_file, tmp_path):
    process = start("compare", data_file, *LONG, "--out", "s")
    wait_for(lambda: stored(tmp_path / "s"), process)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert 0 < len(gl.open_study(tmp_path / "s").runs) < 200


@pytest.mark.slow
def test_a_killed_study_ends_with_the_numbers_it_would_have_had():
    script = "benchmarks/kill_study.py"
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    options = ["--vary", "optimizer=sgd,adam", "--epochs", "60", "--learning-rates", "2"]
    done = subprocess.run(
        [sys.executable, os.path.join(root, script), "--kills", "3", "--", *options],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("3 of 3 identical\n")
