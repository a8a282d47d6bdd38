"""Exit codes, help and mistakes: one message on standard error, never a traceback."""

import subprocess
import sys
import textwrap

import pytest

from gradlab.errors import StudyError


class TestHelp:
    COMMANDS = ("compare", "resume", "report", "list", "train", "predict")

    def test_names_every_command(self, gradlab):
        said = gradlab("--help")
        assert said.code == 0
        for command in self.COMMANDS:
            assert f" {command} " in said.out

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_a_command(self, command, gradlab):
        said = gradlab(command, "--help")
        assert said.code == 0
        assert f"gradlab {command}" in said.out
        assert gradlab(command, "-h").out == said.out

    def test_is_shown_where_nothing_is_asked(self, gradlab):
        said = gradlab()
        assert said.code == 2
        assert "compare" in said.out + said.err
        assert (said.out + said.err).count("Usage") == 1

    def test_version(self, gradlab):
        said = gradlab("--version")
        assert said.code == 0
        assert said.out.startswith("gradlab ")

    def test_and_wrong_options_load_nothing_heavy(self):
        # Half a second is what this buys; modules don't depend on how busy the machine is.
        asked = [
            ["--help"],
            ["--version"],
            [],
            ["foo"],
            *([command, "--help"] for command in self.COMMANDS),
            ["compare", "--sedes", "3"],
            ["compare", "--workers", "0"],
            ["predict"],
        ]
        script = f"""
            import sys
            from gradlab.cli.main import run
            heavy = "jax numpy scipy polars sklearn plotly optax equinox pandas".split()
            for arguments in {asked!r}:
                sys.argv = ["gradlab", *arguments]
                run()
                loaded = [name for name in heavy if name in sys.modules]
                if loaded:
                    sys.exit(f"{{arguments}} loaded {{loaded}}")
        """
        command = [sys.executable, "-c", textwrap.dedent(script)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("foo", "No such command 'foo'. See: gradlab --help"),
        ("compar", "Did you mean 'compare'?"),
        ("compare --sedes 3", "No such option: --sedes"),
        ("compare --sedes 3", "--seeds"),
        ("compare --seeds", "requires an argument"),
        ("compare --seeds x", "Invalid value for '--seeds'"),
        ("compare a b", "unexpected extra argument"),
        ("compare --workers 0", "--workers"),
        ("predict", "Missing argument"),
        ("resume", "Missing argument"),
        ("compare none.csv", "There is no file none.csv"),
        ("compare digit", "Did you mean 'digits'?"),
        ("compare .", "is a folder without pictures"),
        ("compare data.csv --target colr", "Did you mean 'colour'?"),
        ("compare data.csv --drop nothing", "nothing"),
        ("compare data.csv --groups nothing", "nothing"),
        ("compare data.csv --time nothing", "nothing"),
        ("compare data.csv --test nothing.csv", "There is no file nothing.csv"),
        ("compare data.csv --task regression", "kind"),
        ("compare data.csv --task guess", "task: input should be 'auto', 'binary'"),
        ("compare data.csv --scaling log", "scaling: input should be 'standard'"),
        ("compare data.csv --ratios 6,2", "--ratios takes three numbers"),
        ("compare data.csv --ratios a,b,c", "--ratios takes three numbers"),
        ("compare data.csv --ratios=-1,1,1", "Split ratios must be numbers from 0"),
        ("compare data.csv --ratios nan,1,1", "Split ratios must be numbers from 0"),
        ("compare data.csv --ratios 1,0,0", "validation rows; a comparison needs both"),
        ("compare data.csv --seeds 0", "seeds: input should be greater than or equal to 1; got 0"),
        ("compare data.csv --seeds 9999999", "seeds: input should be less than or equal to 5000"),
        ("compare data.csv --seed -1", "seed: input should be greater than or equal to 0; got -1"),
        ("compare data.csv --samples 0", "samples: input should be greater"),
        ("compare data.csv --learning-rates -1", "learning_rates: input should be greater"),
        ("compare data.csv --learning-rates 99", "learning_rates: input should be less"),
        ("compare data.csv --tuning-seeds 0", "seeds: input should be greater"),
        ("compare data.csv --epochs 0", "epochs: input should be greater than or equal to 1"),
        ("compare data.csv --epochs 99999999", "epochs: input should be less than or equal to"),
        ("compare data.csv --design grid", "design: input should be 'one-at-a-time', 'factorial'"),
        ("compare data.csv --vary optimizer", "--vary takes name=value, as --vary optimizer=sgd"),
        ("compare data.csv --vary =sgd", "--vary takes name=value"),
        ("compare data.csv --vary optimizer=adm", "Did you mean 'adam'?"),
        ("compare data.csv --vary optimzer=adam", "Did you mean 'optimizer'?"),
        ("compare data.csv --vary activation=rellu", "Did you mean 'relu'?"),
        ("compare data.csv --vary dropout=2", "dropout=2: dropout: input should be less than"),
        (
            "compare data.csv --vary learning_rate=0",
            "learning_rate: input should be greater than 0",
        ),
        ("compare data.csv --vary learning_rate=nan", "learning_rate"),
        ("compare data.csv --vary hidden=0x3", "hidden"),
        ("compare data.csv --vary epochs=1,2", "epochs can't be varied"),
        ("compare data.csv --vary dropout=0.1 --vary dropout=0.2", "dropout is given twice"),
        ("compare data.csv --set foo=1", "Unknown recipe field 'foo'"),
        ("compare data.csv --set l2=-1", "l2: input should be greater than or equal to 0"),
        ("compare data.csv --set l2=big", "l2: input should be a valid number"),
        ("compare data.csv --set optimizer.beta1=1.5", "must be >= 0 and < 1; got 1.5"),
        ("compare data.csv --set optimizer.betta1=0.5", "Did you mean 'beta1'?"),
        ("compare data.csv --out data.csv", "Could not make the folder data.csv"),
        ("resume none", "There is no folder none"),
        ("resume .", "is not a study: it has no study.toml"),
        ("resume data.csv", "There is no folder data.csv"),
        ("report none", "There is no folder none"),
        ("list optimiser", "Did you mean 'optimizer'?"),
        ("train data.csv --seed -1", "seed must be a whole number from 0"),
        ("train data.csv --set hiden=3", "Did you mean 'hidden'?"),
        ("train data.csv --out none/m", "there is no folder none"),
        ("train data.csv --out .", "is a folder; give the name of a file"),
        ("train data.csv --study none", "There is no folder none"),
        ("train data.csv --curve c.png", ".html"),
        ("predict none data.csv", "Could not read the model none"),
        ("predict data.csv data.csv", "Could not read the model data.csv"),
        ("predict . data.csv", "is a folder"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(arguments, message, gradlab, clouds, tmp_path):
    clouds().write_csv("data.csv")
    before = sorted(tmp_path.iterdir())
    said = gradlab(*arguments.split())
    assert said.code == 2
    assert said.out == ""
    assert message in said.err
    assert said.err.startswith("gradlab: ")
    assert said.err.strip().count("\n") == 0
    assert sorted(tmp_path.iterdir()) == before


class TestExitCodes:
    def test_of_our_own_fault(self, monkeypatch, capsys):
        from gradlab.cli import listing, main

        def broken(family):
            raise ZeroDivisionError("oops")

        monkeypatch.setattr(listing, "_rows", broken)
        monkeypatch.setattr(sys, "argv", ["gradlab", "list", "init"])
        assert main.run() == 1
        said = capsys.readouterr()
        assert "ZeroDivisionError: oops" in said.err
        assert said.err.rstrip().endswith("Please report it with the lines above.")

    def test_of_ctrl_c(self, monkeypatch, gradlab):
        from gradlab.cli import listing

        def interrupted(family):
            raise KeyboardInterrupt

        monkeypatch.setattr(listing, "_rows", interrupted)
        said = gradlab("list", "init")
        assert (said.code, said.err) == (130, "gradlab: stopped.\n")

    def test_of_the_users_mistake(self, monkeypatch, gradlab):
        from gradlab.cli import listing

        def mistaken(family):
            raise StudyError("no [such] thing")

        monkeypatch.setattr(listing, "_rows", mistaken)
        assert gradlab("list", "init") == (2, "", "gradlab: no [such] thing\n")


class TestPipe:
    def test_that_closes_is_no_error(self):
        command = f"{sys.executable} -c 'from gradlab.cli.main import main; main()' list"
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command} | head -n 1"],
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        assert done.returncode == 0
        assert done.stdout.startswith("optimizer")

    def test_that_is_closed_from_the_start(self):
        command = f"{sys.executable} -c 'from gradlab.cli.main import main; main()' list"
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command} | true"], capture_output=True, text=True
        )
        assert (done.stderr, done.returncode) == ("", 0)
