"""gradlab compare, resume and report."""

import json
import shlex
import shutil
import sqlite3

import pytest

import gradlab as gl
from gradlab import files


class TestCompare:
    @pytest.fixture
    def said(self, gradlab, data_file, small):
        return gradlab("compare", data_file, *small, "--out", "s")

    def test_ends_with_a_ranking_and_the_path_of_a_report(self, said, tmp_path):
        assert said.code == 0
        lines = said.out.splitlines()
        assert said.out.lstrip().startswith("The best recipe on validation has optimizer ")
        assert any(line.startswith("Optimizer") and "95 % interval" in line for line in lines)
        assert any(line.startswith("adam (base)") for line in lines)
        assert lines[-1] == "Report: s/report.html"
        assert (tmp_path / "s" / "report.html").exists()

    def test_says_what_it_decided_and_what_it_will_cost(self, said):
        for part in (
            "cells are missing",
            "one-hot",
            "Forecast: 12 runs",
            "Study folder: s",
            "Took",
        ):
            assert part in said.err
        assert "--target … for another" in said.err  # advice in options, not in Python

    def test_says_the_command_that_repeats_it(self, said, gradlab, data_file):
        told = said.out.splitlines()[-2]
        assert told.startswith(f"Repeat: gradlab compare {data_file} --vary optimizer=sgd,adam")
        command = gl.open_study("s").command
        assert told == f"Repeat: {command}"
        again = gradlab(*shlex.split(command)[1:])
        assert again.code == 0
        first, second = gl.open_study("s"), gl.open_study("gradlab-study")
        assert second.question == first.question
        assert [run.id for run in second.runs] == [run.id for run in first.runs]
        assert second.winner == first.winner

    def test_of_a_study_begun_in_python_too(self, gradlab, study_folder):
        study = gl.open_study(study_folder)
        assert f"Repeat: {study.command}" in gradlab("report", study_folder).out
        assert gradlab("report", study_folder, "--json").json["command"] == study.command
        again = gradlab(*shlex.split(study.command)[1:])
        assert again.code == 0
        repeated = gl.open_study("gradlab-study")
        assert repeated.question == study.question
        assert repeated.winner == study.winner

    def test_epochs_and_what_depends_on_them_are_one_choice(self, gradlab, data_file, small):
        options = [*small, "--set", "patience=35", "--epochs", "50"]
        said = gradlab("compare", data_file, *options, "--out", "s")
        assert said.code == 0, said.err

    def test_takes_no_folder_twice(self, said, gradlab, data_file, small):
        again = gradlab("compare", data_file, *small, "--out", "s")
        assert again.code == 2
        assert again.err.startswith("gradlab: s already holds a study.")

    def test_writes_only_json_if_asked(self, gradlab, data_file, small):
        said = gradlab("compare", data_file, *small, "--out", "s", "--json")
        assert (said.code, said.err) == (0, "")
        assert said.json["finished"] is True
        assert said.json["runs"] == 12
        levels = said.json["rankings"]["optimizer"]["levels"]
        assert {level["level"] for level in levels} == {"sgd", "adam"}
        assert set(said.json["winner"]) == {"levels", "recipe", "validation_score", "test_score"}

    def test_json_has_no_numbers_that_are_none(self, gradlab, data_file, small):
        options = [*small, "--set", "learning_rate=1e30", "--set", "optimizer=sgd"]
        said = gradlab("compare", data_file, *options, "--out", "s", "--json")
        assert said.code == 0

        def refuse(constant):
            raise ValueError(f"{constant} is no JSON")

        told = json.loads(said.out, parse_constant=refuse)
        assert told["diverged"] > 0

    @pytest.mark.parametrize("columns", ["60", "100"])
    def test_is_readable_on_any_terminal(self, columns, gradlab, study_folder, monkeypatch):
        monkeypatch.setenv("COLUMNS", columns)
        said = gradlab("report", study_folder)
        pasted = ("Repeat:", "Report:")
        rows = [line for line in said.out.splitlines() if not line.startswith(pasted)]
        assert max(map(len, rows)) <= int(columns)
        text = " ".join(said.out.split())
        for part in ("adam (base)", "sgd", "leader", "["):
            assert part in text
        assert "…" not in text

    def test_brackets_in_names_are_names(self, gradlab, clouds, small, tmp_path):
        (tmp_path / "[bold]").mkdir()
        clouds().write_csv(tmp_path / "[bold]" / "a [red].csv")
        said = gradlab("compare", "[bold]/a [red].csv", *small, "--out", "[bold]/s")
        assert said.code == 0
        assert "Study folder: [bold]/s" in said.err
        assert "Report: [bold]/s/report.html" in said.out


class TestResume:
    def test_of_a_finished_study_shows_it_again(self, gradlab, study_folder):
        said = gradlab("resume", study_folder)
        assert said.code == 0
        assert "Nothing was left to do." in said.err
        assert said.out == gradlab("report", study_folder).out

    def test_after_ctrl_c(self, gradlab, data_file, small, monkeypatch):
        whole = gradlab("compare", data_file, *small, "--out", "whole", "--json")
        from gradlab.lab import conduct as module

        monkeypatch.setattr(module, "FLUSH_SECONDS", -1.0)
        done = []
        row = module.Conduct.row

        def press(self, *arguments):
            done.append(row(self, *arguments))
            if len(done) == 5:
                raise KeyboardInterrupt
            return done[-1]

        monkeypatch.setattr(module.Conduct, "row", press)
        stopped = gradlab("compare", data_file, *small, "--out", "my s")
        assert stopped.code == 130
        assert stopped.out == ""
        assert "Stopped: 4 of 12 runs are kept. Go on with: gradlab resume 'my s'" in stopped.err
        assert stopped.err.endswith("gradlab: stopped.\n")

        monkeypatch.setattr(module.Conduct, "row", row)
        resumed = gradlab("resume", "my s", "--json", "--workers", "1")
        for key in ("winner", "rankings", "runs", "finished"):
            assert resumed.json[key] == whole.json[key]

    def test_by_two_at_once(self, gradlab, study_folder):
        from gradlab.lab.lock import only_writer

        with only_writer(study_folder):
            said = gradlab("resume", study_folder)
        assert said.code == 2
        assert "Another process is writing the study" in said.err


class TestFullDisk:
    def test_keeps_what_is_done_and_says_how_to_go_on(self, gradlab, data_file, small, monkeypatch):
        monkeypatch.setattr("gradlab.lab.conduct.FLUSH_SECONDS", -1.0)
        real, budget = files.os.fsync, [4]

        def fsync(descriptor):
            budget[0] -= 1
            if budget[0] < 0:
                raise OSError(28, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(files.os, "fsync", fsync)
        said = gradlab("compare", data_file, *small, "--out", "s")
        assert said.code == 2
        assert "gradlab: Could not write s/weights" in said.err
        assert "No space left on device" in said.err
        assert "Go on with: gradlab resume s" in said.err
        budget[0] = 10**9
        assert gradlab("resume", "s").code == 0

    def test_before_anything_is_done(self, gradlab, data_file, small, monkeypatch):
        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(files.os, "fsync", full)
        said = gradlab("compare", data_file, *small, "--out", "s")
        assert said.code == 2
        assert said.err.startswith("gradlab: Could not write s/study.toml: No space left on device")


class TestReport:
    def test_is_written_again(self, gradlab, study_folder, tmp_path):
        said = gradlab("report", study_folder, "--out", "r.html")
        assert said.code == 0
        assert said.out.splitlines()[-1] == "Report: r.html"
        again = gradlab("report", study_folder, "--out", "r.html", "--json")
        assert again.json["report"] == "r.html"
        assert "<html" in (tmp_path / "r.html").read_text(encoding="utf-8")

    @pytest.mark.parametrize("out", [".", "none/r.html"])
    def test_is_not_written_nowhere(self, out, gradlab, study_folder):
        said = gradlab("report", study_folder, "--out", out)
        assert said.code == 2
        assert said.err.startswith(f"gradlab: --out {out}")

    def test_without_permission(self, gradlab, study_folder, monkeypatch):
        def denied(**options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(files.tempfile, "mkstemp", denied)
        said = gradlab("report", study_folder, "--out", "r.html")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("gradlab: Could not write r.html: Permission denied.")

    @pytest.mark.parametrize("command", ["report", "resume"])
    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda s: (s / "runs.sqlite").write_bytes(b"no database" * 99), "runs.sqlite"),
            (lambda s: (s / "study.toml").write_text("seeds = 'x"), "study.toml"),
            (lambda s: (s / "study.toml").write_text("seeds = -1"), "makes no sense: seeds"),
            (lambda s: (s / "study.toml").write_bytes(b"\xff\xfe"), "study.toml"),
            (lambda s: (s / "study.toml").unlink(), "is not a study"),
        ],
    )
    def test_of_a_damaged_study_says_what_is_wrong(
        self, command, damage, message, gradlab, study_folder, tmp_path
    ):
        shutil.copytree(study_folder, tmp_path / "s")
        damage(tmp_path / "s")
        said = gradlab(command, "s")
        assert (said.code, said.out) == (2, "")
        assert message in said.err
        assert said.err.startswith("gradlab: ")

    def test_needs_no_weights(self, gradlab, study_folder, tmp_path):
        shutil.copytree(study_folder, tmp_path / "s")
        shutil.rmtree(tmp_path / "s" / "weights")
        assert gradlab("report", "s").code == 0

    def test_of_an_unfinished_study(self, gradlab, study_folder, tmp_path):
        shutil.copytree(study_folder, tmp_path / "s")
        connection = sqlite3.connect(tmp_path / "s" / "runs.sqlite")
        with connection:
            connection.execute("DELETE FROM meta WHERE key = 'winner'")
            connection.execute("DELETE FROM history WHERE run IN (SELECT id FROM runs LIMIT 3)")
            connection.execute("DELETE FROM runs WHERE id IN (SELECT id FROM runs LIMIT 3)")
        connection.close()
        said = gradlab("report", "s")
        assert said.code == 0
        assert said.out.lstrip().startswith("The study is unfinished")
        assert gradlab("report", "s", "--json").json["finished"] is False


class TestDesigns:
    def test_factorial(self, gradlab, data_file, small):
        options = [*small, "--vary", "learning_rate=0.01,0.1", "--design", "factorial"]
        said = gradlab("compare", data_file, *options, "--out", "s")
        assert said.code == 0
        assert "main effects explain" in " ".join(said.out.split())

    def test_random(self, gradlab, data_file, small):
        options = [*small, "--vary", "learning_rate=0.01,0.1", "--design", "random"]
        said = gradlab("compare", data_file, *options, "--samples", "3", "--out", "s")
        assert said.code == 0
        assert len(gl.open_study("s").facts.cells) == 3

    @pytest.mark.parametrize("seeds", ["1", "2"])
    def test_a_single_combination_is_no_mistake(self, seeds, gradlab, data_file, small):
        options = [*small, "--vary", "dropout=0,0.5", "--design", "random", "--samples", "1"]
        said = gradlab("compare", data_file, *options, "--seeds", seeds, "--out", "s")
        assert said.code == 0, said.err
        assert "main effects" not in said.out

    def test_resampled(self, gradlab, data_file, small):
        said = gradlab("compare", data_file, *small, "--resample", "--out", "s")
        assert said.code == 0
        assert gl.open_study("s").question.resample
