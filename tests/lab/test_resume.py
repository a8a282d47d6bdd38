"""A study that was stopped ends with the numbers that it would have had."""

import shutil
import sqlite3
import subprocess
import sys
import textwrap
import time

import polars as pl
import pytest

import gradlab as gl
from gradlab.errors import DataError, StudyError
from gradlab.lab import conduct as module
from gradlab.lab.lock import only_writer
from gradlab.training.recipe import Recipe

VARY = {"optimizer": ["sgd", "adam"]}


class Stop(KeyboardInterrupt):
    """Ctrl-C, as the tests raise it."""


@pytest.fixture
def every_run_is_written(monkeypatch):
    """Write after each run, so that an interruption can fall between any two."""
    monkeypatch.setattr(module, "FLUSH_SECONDS", -1.0)


def stop_after(calls):
    """Return a progress listener that presses Ctrl-C at its n-th call."""
    seen = []

    def listen(progress):
        seen.append(progress)
        if len(seen) == calls:
            raise Stop

    return listen


@pytest.fixture(scope="module")
def whole(tmp_path_factory, clouds_file, compare):
    """The undisturbed study."""
    return compare(clouds_file, tmp_path_factory.mktemp("whole") / "s", vary=VARY)


class TestInterrupted:
    # forecast, compiled, 8 tuning runs and the end of tuning, 4 judging runs …, test
    @pytest.mark.parametrize("calls", [1, 2, 3, 6, 11, 12, 14, 16])
    def test_at_any_moment(
        self, calls, whole, clouds_file, compare, numbers_of, tmp_path, every_run_is_written
    ):
        with pytest.raises(Stop):
            compare(clouds_file, tmp_path / "s", vary=VARY, progress=stop_after(calls))
        kept = gl.open_study(tmp_path / "s")
        assert not kept.finished
        assert len(kept.runs) < len(whole.runs) or calls > 15
        assert numbers_of(gl.resume(tmp_path / "s", workers=1)) == numbers_of(whole)

    def test_again_and_again(
        self, whole, clouds_file, compare, numbers_of, tmp_path, every_run_is_written
    ):
        with pytest.raises(Stop):
            compare(clouds_file, tmp_path / "s", vary=VARY, progress=stop_after(4))
        stops, finished = 0, None
        while finished is None:
            try:
                finished = gl.resume(tmp_path / "s", workers=1, progress=stop_after(4))
            except Stop:
                stops += 1
        assert stops >= 2
        assert numbers_of(finished) == numbers_of(whole)

    def test_keeps_and_counts_what_was_done(
        self, clouds_file, compare, tmp_path, every_run_is_written
    ):
        told = []

        def listen(progress):
            told.append(progress)
            if progress.done == 5 and progress.stage == "tune":
                raise Stop

        with pytest.raises(Stop):
            compare(clouds_file, tmp_path / "s", vary=VARY, progress=listen)
        assert len(gl.open_study(tmp_path / "s").runs) == told[-1].done >= 5

    def test_can_be_read_and_reported(self, clouds_file, compare, tmp_path, every_run_is_written):
        with pytest.raises(Stop):
            compare(clouds_file, tmp_path / "s", vary=VARY, progress=stop_after(1))
        empty = gl.open_study(tmp_path / "s")
        assert len(empty.results) == len(empty.history) == 0
        assert {"run", "phase", "optimizer", "seed", "learning_rate"} <= set(empty.results.columns)
        with pytest.raises(StudyError, match=r"No level of optimizer has been judged.*resume"):
            empty.ranking("optimizer")
        with pytest.raises(StudyError, match="No recipe has been judged yet"):
            _ = empty.best
        assert "unfinished" in empty.report().read_text(encoding="utf-8")
        assert "unfinished" in repr(empty)

    def test_nothing_is_trained_twice(
        self, clouds_file, compare, tmp_path, every_run_is_written, monkeypatch
    ):
        with pytest.raises(Stop):
            compare(clouds_file, tmp_path / "s", vary=VARY, progress=stop_after(6))
        before = {run.id: run for run in gl.open_study(tmp_path / "s").runs}
        asked = []
        execute = module.execute

        def spy(plan, *, runs=None, **options):
            asked.extend(runs if runs is not None else plan.runs)
            return execute(plan, runs=runs, **options)

        monkeypatch.setattr(module, "execute", spy)
        after = gl.resume(tmp_path / "s", workers=1)
        assert len(asked) == len(after.runs) - len(before)
        same = {run.id: run.seconds for run in after.runs if run.id in before}
        assert same == {name: run.seconds for name, run in before.items()}


class TestLongRuns:
    BASE = Recipe(hidden=(4,), batch_size=16, epochs=40, norm="batch", patience=39)

    @pytest.fixture(autouse=True)
    def _often(self, monkeypatch):
        """Many short calls a run, and a checkpoint after each."""
        from gradlab.training import plan

        monkeypatch.setattr(plan, "CALL_SECONDS", 1e-9)
        monkeypatch.setattr(module, "CHECKPOINT_SECONDS", -1.0)

    def test_go_on_in_the_middle(self, clouds_file, compare, numbers_of, tmp_path, monkeypatch):
        options = {"vary": VARY, "base": self.BASE, "seeds": 1, "tune": False}
        whole = compare(clouds_file, tmp_path / "whole", **options)
        points = []
        save = module.Conduct.save_checkpoint

        def save_and_stop(self, name, point):
            save(self, name, point)
            points.append(int(point.control.epoch))
            if points[-1] == 25:
                raise Stop

        monkeypatch.setattr(module.Conduct, "save_checkpoint", save_and_stop)
        with pytest.raises(Stop):
            compare(clouds_file, tmp_path / "s", **options)
        assert list((tmp_path / "s" / "checkpoints").iterdir())

        monkeypatch.setattr(module.Conduct, "save_checkpoint", save)
        begun = []
        load = module.Conduct.load_checkpoint

        def watched(self, name):
            point = load(self, name)
            if point is not None:
                begun.append(int(point.control.epoch))
            return point

        monkeypatch.setattr(module.Conduct, "load_checkpoint", watched)
        resumed = gl.resume(tmp_path / "s", workers=1)
        assert max(begun) == 25
        assert numbers_of(resumed) == numbers_of(whole)
        assert not list((tmp_path / "s" / "checkpoints").iterdir())

    def test_a_damaged_checkpoint_is_trained_again(
        self, clouds_file, compare, numbers_of, tmp_path, monkeypatch
    ):
        options = {"vary": VARY, "base": self.BASE, "seeds": 1, "tune": False}
        whole = compare(clouds_file, tmp_path / "whole", **options)
        save = module.Conduct.save_checkpoint

        def save_and_stop(self, name, point):
            save(self, name, point)
            raise Stop

        with monkeypatch.context() as patch:
            patch.setattr(module.Conduct, "save_checkpoint", save_and_stop)
            with pytest.raises(Stop):
                compare(clouds_file, tmp_path / "s", **options)
        for path in (tmp_path / "s" / "checkpoints").iterdir():
            path.write_bytes(b"cut short")
        assert numbers_of(gl.resume(tmp_path / "s", workers=1)) == numbers_of(whole)


class TestInMemoryData:
    @pytest.mark.parametrize("kind", ["frame", "arrays", "texts"])
    def test_is_kept_in_the_folder(
        self, kind, clouds, compare, numbers_of, tmp_path, every_run_is_written
    ):
        frame = clouds()
        data = {
            "frame": frame,
            "arrays": (frame[["height"]].to_numpy(), frame["kind"].to_numpy()),
            "texts": (frame[["colour", "height"]].fill_null("blue"), frame["kind"]),
        }[kind]
        whole = compare(data, tmp_path / "whole", vary=VARY)
        with pytest.raises(Stop):
            compare(data, tmp_path / "s", vary=VARY, progress=stop_after(6))
        assert numbers_of(gl.resume(tmp_path / "s", workers=1)) == numbers_of(whole)

    def test_moves_with_its_folder(self, clouds, compare, numbers_of, tmp_path):
        study = compare(clouds(), tmp_path / "s", vary=VARY)
        shutil.move(tmp_path / "s", tmp_path / "moved")
        assert numbers_of(gl.resume(tmp_path / "moved")) == numbers_of(study)


class TestChanged:
    @pytest.fixture
    def begun(self, clouds, compare, tmp_path):
        clouds().write_csv(tmp_path / "data.csv")
        with pytest.raises(Stop):
            compare(tmp_path / "data.csv", tmp_path / "s", vary=VARY, progress=stop_after(2))
        return tmp_path / "s"

    def test_data(self, begun, clouds):
        path = begun.parent / "data.csv"
        clouds(61).write_csv(path)
        with pytest.raises(StudyError, match=r"has changed since it began \(data: 61 rows now, 60"):
            gl.resume(begun)
        frame = clouds()
        frame[3, "height"] += 1e-3
        frame.write_csv(path)
        with pytest.raises(StudyError, match="has changed since it began"):
            gl.resume(begun)

    def test_data_gone(self, begun):
        (begun.parent / "data.csv").unlink()
        with pytest.raises(
            DataError, match=r"The data of the study in .* can't be read: .*data.csv"
        ):
            gl.resume(begun)

    def test_data_elsewhere(self, begun):
        new = begun.parent / "moved.csv"
        (begun.parent / "data.csv").rename(new)
        question = begun / "study.toml"
        question.write_text(question.read_text().replace("data.csv", "moved.csv"))
        assert gl.resume(begun, workers=1).finished

    def test_question(self, begun):
        path = begun / "study.toml"
        path.write_text(path.read_text().replace("seeds = 2\nseed = 0", "seeds = 3\nseed = 0"))
        with pytest.raises(StudyError, match=r"study.toml was edited since the study began"):
            gl.resume(begun)

    @pytest.mark.parametrize("damaged", [False, True])
    def test_lost_weights_are_trained_again(
        self, damaged, clouds_file, compare, numbers_of, tmp_path
    ):
        study = compare(clouds_file, tmp_path / "s", vary=VARY)
        files = sorted((tmp_path / "s" / "weights").iterdir())
        files[0].write_bytes(b"damaged") if damaged else shutil.rmtree(files[0].parent)
        with sqlite3.connect(tmp_path / "s" / "runs.sqlite") as connection:
            connection.execute("DELETE FROM meta WHERE key = 'winner'")
        connection.close()
        assert numbers_of(gl.resume(tmp_path / "s", workers=1)) == numbers_of(study)


class TestOneWriter:
    def test_a_second_is_turned_away(self, whole):
        with (
            only_writer(whole.folder),
            pytest.raises(StudyError, match="Another process is writing the study"),
        ):
            gl.resume(whole.folder)
        gl.resume(whole.folder)

    def test_reading_is_free(self, whole):
        with only_writer(whole.folder):
            assert gl.open_study(whole.folder).finished

    def test_a_killed_writer_leaves_no_lock(self, tmp_path):
        script = """
            import sys, time
            from pathlib import Path
            from gradlab.lab.lock import only_writer
            with only_writer(Path(sys.argv[1])):
                print("locked", flush=True)
                time.sleep(60)
        """
        command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(StudyError, match="Another process"), only_writer(tmp_path):
            pass
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 10
        while True:  # the lock falls with the process, which takes the system a moment
            try:
                with only_writer(tmp_path):
                    return
            except StudyError:
                assert time.monotonic() < deadline

    def test_a_missing_folder_is_said(self, tmp_path):
        with (
            pytest.raises(StudyError, match="Could not write to the study folder"),
            only_writer(tmp_path / "none"),
        ):
            pass


def test_resuming_what_is_no_study(tmp_path):
    with pytest.raises(StudyError, match="There is no folder"):
        gl.resume(tmp_path / "none")
    with pytest.raises(StudyError, match=r"is not a study: it has no study.toml"):
        gl.resume(tmp_path)


def test_a_study_killed_before_its_first_run(clouds_file, compare, numbers_of, whole, tmp_path):
    shutil.copytree(whole.folder, tmp_path / "s")
    (tmp_path / "s" / "runs.sqlite").unlink()
    with pytest.raises(StudyError, match=r"has not begun: it has no runs.sqlite.*gradlab resume"):
        gl.open_study(tmp_path / "s")
    assert numbers_of(gl.resume(tmp_path / "s", workers=1)) == numbers_of(whole)


def test_frames_of_a_resumed_study_are_those_of_the_whole(
    whole, clouds_file, compare, tmp_path, every_run_is_written
):
    with pytest.raises(Stop):
        compare(clouds_file, tmp_path / "s", vary=VARY, progress=stop_after(7))
    resumed = gl.resume(tmp_path / "s", workers=1)
    assert resumed.history.equals(whole.history)
    assert resumed.results.drop("seconds").equals(whole.results.drop("seconds"))
    assert isinstance(resumed.results, pl.DataFrame)
