"""The study folder: whole or not at all, and clear about what is wrong with it."""

import contextlib
import shutil
import sqlite3

import numpy as np
import pytest

import gradlab as gl
from gradlab import files
from gradlab.errors import StudyError
from gradlab.lab.store import DATABASE, Store, StoredRun, read_question, write_question


def stored_run(name: str, **changes) -> StoredRun:
    """Return a run with distinct numbers."""
    fields = {
        "id": name,
        "phase": "judge",
        "cell": "optimizer=adam",
        "recipe": {"hidden": [4], "optimizer": "sgd"},
        "seed": 7,
        "split": 0,
        "status": "done",
        "epochs": 2,
        "best_epoch": 1,
        "learning_rate": 0.1,
        "validation_score": 1 / 3,
        "validation_loss": 0.7,
        "train_loss": 0.6,
        "seconds": 0.01,
        "weights": None,
        "history": np.array([[0.9, np.nan, 0.1], [1 / 3, np.inf, 5e-324]]),
    }
    return StoredRun(**(fields | changes))


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path, create=True)
    yield opened
    opened.close()


class TestRuns:
    def test_come_back_bit_for_bit(self, store):
        run = stored_run("a")
        words = np.array([1, 2**32 - 1], np.uint32)
        store.add([run], {"a": words})
        (read,) = store.runs()
        assert read.history.tobytes() == run.history.tobytes()
        assert read.weights == "a.safetensors"
        np.testing.assert_array_equal(store.weights(read), words)
        for name in StoredRun.__dataclass_fields__:
            if name not in ("history", "weights"):
                assert getattr(read, name) == getattr(run, name)

    def test_a_diverged_run_has_no_losses(self, store):
        store.add([stored_run("a", validation_loss=None, train_loss=None)], {})
        (read,) = store.runs()
        assert read.validation_loss is read.train_loss is None
        assert store.weights(read) is None

    def test_order_does_not_depend_on_arrival(self, store, tmp_path):
        runs = [
            stored_run(f"{phase}{seed}{cell}", phase=phase, seed=seed, cell=cell)
            for phase in ("tune", "judge")
            for seed in (1, 0)
            for cell in ("b", "a")
        ]
        store.add(runs, {})
        names = [run.id for run in store.runs()]
        (tmp_path / "other").mkdir()
        other = Store(tmp_path / "other", create=True)
        for run in reversed(runs):
            other.add([run], {})
        assert [run.id for run in other.runs()] == names
        other.close()

    def test_are_added_whole_or_not_at_all(self, store):
        good, bad = stored_run("a"), stored_run("b", validation_score=np.nan)  # SQLite: NULL
        with pytest.raises(StudyError, match=r"Could not write .*runs.sqlite: .*NOT NULL"):
            store.add([good, bad], {})
        assert store.runs() == []
        store.add([good], {})
        assert [run.id for run in store.runs()] == ["a"]

    def test_have_their_weights_on_disk_before_their_rows(self, store, monkeypatch):
        def full(path, content):
            raise StudyError("disk full")

        monkeypatch.setattr("gradlab.lab.store.write_whole", full)
        with pytest.raises(StudyError, match="disk full"):
            store.add([stored_run("a")], {"a": np.zeros(3, np.uint32)})
        assert store.runs() == []

    def test_are_read_by_a_second_connection_while_the_first_writes(self, store, tmp_path):
        store.add([stored_run("a")], {})
        reader = Store(tmp_path)
        assert [run.id for run in reader.runs()] == ["a"]
        store.add([stored_run("b")], {})
        assert [run.id for run in reader.runs()] == ["a", "b"]
        reader.close()


class TestFullDisk:
    def test_of_the_database(self, store, tmp_path):
        size = (tmp_path / DATABASE).stat().st_size
        store.connection.execute(f"PRAGMA max_page_count = {size // 4096 + 1}")
        big = stored_run("big", history=np.zeros((100_000, 3)))
        with pytest.raises(StudyError, match=r"database or disk is full.*safe.*gradlab resume"):
            store.add([big], {})
        store.connection.execute("PRAGMA max_page_count = 1000000")
        store.add([stored_run("a")], {})
        assert [run.id for run in store.runs()] == ["a"]

    def test_of_a_study(self, clouds_file, compare, numbers_of, tmp_path, monkeypatch):
        vary = {"optimizer": ["sgd", "adam"]}
        whole = compare(clouds_file, tmp_path / "whole", vary=vary)
        real = files.os.fsync
        monkeypatch.setattr("gradlab.lab.conduct.FLUSH_SECONDS", -1.0)
        budget = [4]

        def fsync(descriptor):
            budget[0] -= 1
            if budget[0] < 0:
                raise OSError(28, "No space left on device")
            real(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(files.os, "fsync", fsync)
            with pytest.raises(StudyError, match=r"Could not write .*No space left on device"):
                compare(clouds_file, tmp_path / "s", vary=vary)
        left = [path for path in (tmp_path / "s").rglob(".*") if path.is_file()]
        assert left == []  # no half-written file
        assert gl.open_study(tmp_path / "s").runs
        assert numbers_of(gl.resume(tmp_path / "s", workers=1)) == numbers_of(whole)


class TestOpening:
    def test_makes_nothing_unless_asked(self, tmp_path):
        with pytest.raises(StudyError, match=r"has not begun: it has no runs.sqlite"):
            Store(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_another_version(self, store, tmp_path):
        store.set_meta(schema="99")
        with pytest.raises(StudyError, match=r"another version of Gradlab \(schema 99, this one"):
            Store(tmp_path)

    @pytest.mark.parametrize("create", [False, True])
    def test_no_database(self, create, tmp_path):
        (tmp_path / DATABASE).write_bytes(b"this was a database once" * 100)
        with pytest.raises(StudyError, match=r"Could not read .*: file is not a database.*delete"):
            Store(tmp_path, create=create)

    def test_pages_lost(self, store, tmp_path):
        store.add([stored_run(f"{i}", history=np.ones((50, 3))) for i in range(200)], {})
        store.close()
        path = tmp_path / DATABASE
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

        def read():
            with contextlib.closing(Store(tmp_path)) as damaged:
                damaged.runs()

        with pytest.raises(StudyError, match=r"Could not read .*runs.sqlite: .*malformed"):
            read()

    def test_a_cell_that_is_no_json(self, store, tmp_path):
        store.add([stored_run("a")], {})
        with store.connection:
            store.connection.execute("UPDATE runs SET recipe = 'nonsense'")
        with pytest.raises(StudyError, match=r"Could not read .*runs.sqlite"):
            store.runs()

    def test_needs_no_log_beside_it(self, store, tmp_path):
        store.add([stored_run("a")], {})
        assert [path.name for path in tmp_path.iterdir()] == [DATABASE]
        (tmp_path / "copy").mkdir()
        (tmp_path / "copy" / DATABASE).write_bytes((tmp_path / DATABASE).read_bytes())
        copy = Store(tmp_path / "copy")
        assert len(copy.runs()) == 1
        copy.close()


class TestDamagedStudy:
    @pytest.fixture
    def folder(self, study, tmp_path):
        shutil.copytree(study.folder, tmp_path / "s")
        return tmp_path / "s"

    @pytest.mark.parametrize("facts", ["nonsense", "{}", "[]", '{"name": 3}'])
    def test_facts(self, folder, facts):
        connection = sqlite3.connect(folder / DATABASE)
        with connection:
            connection.execute("UPDATE meta SET value = ? WHERE key = 'facts'", (facts,))
        connection.close()
        with pytest.raises(StudyError, match=r"runs.sqlite holds is damaged"):
            gl.open_study(folder)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("seeds = 3", "seeds = -3", r"study.toml makes no sense: seeds: input should be"),
            ("seeds = 3", "seeds = 'x", r"Could not read .*study.toml"),
            ("[tuning]", "[tunning]", r"Unknown study option 'tunning'. Did you mean 'tuning'"),
            ('design = "one', 'design = "two', r"makes no sense: design: input should be"),
            ("[base]", "base = 3\n[rest]", r"makes no sense"),
            ('"adam"', '["adam"', r"Could not read"),
            ("epochs = 3", "epochs = 0", r"makes no sense: epochs"),
            ("epochs = 3", "epocs = 3", r"Did you mean 'epochs'"),
            ("[vary]", "[very]", r"Unknown study option 'very'. Did you mean 'vary'"),
        ],
    )
    def test_question(self, folder, old, new, message):
        path = folder / "study.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        for action in (gl.open_study, gl.resume):
            with pytest.raises(StudyError, match=message):
                action(folder)

    def test_question_that_is_no_text(self, folder):
        (folder / "study.toml").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(StudyError, match=r"Could not read .*study.toml"):
            gl.open_study(folder)

    def test_a_level_that_is_gone(self, folder):
        path = folder / "study.toml"
        path.write_text(path.read_text().replace('"sgd"', '"sdg"'))
        with pytest.raises(StudyError, match=r"makes no sense: .*Did you mean 'sgd'"):
            gl.resume(folder)


def test_questions_come_back(tmp_path):
    question = {"seeds": 3, "vary": {"hidden": [[64, 32], []]}, "data": {"path": 'a "b" \\ é'}}
    write_question(tmp_path, question)
    assert read_question(tmp_path) == question
