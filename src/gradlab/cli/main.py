"""The command line. Every command reads arguments, calls one function and shows the result."""

import contextlib
import os
import sys
import traceback
from importlib import metadata
from typing import Any

import typer

from gradlab.cli.acting import act
from gradlab.cli.clustering import cluster
from gradlab.cli.descents import descend
from gradlab.cli.doctoring import doctor
from gradlab.cli.explaining import explain
from gradlab.cli.generating import generate
from gradlab.cli.listing import listing
from gradlab.cli.models import predict, train
from gradlab.cli.options import as_options
from gradlab.cli.reduction import reduce
from gradlab.cli.scoring import score
from gradlab.cli.studies import compare, report, resume
from gradlab.cli.styling import style
from gradlab.errors import GradlabError

DONE, OURS, INTERRUPTED = 0, 1, 130

app = typer.Typer(
    name="gradlab",
    help="Compare training techniques fairly, diagnose what does not learn, explain a step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(compare)
app.command()(resume)
app.command()(report)
app.command("list")(listing)
app.command()(train)
app.command()(predict)
app.command()(cluster)
app.command()(reduce)
app.command()(score)
app.command()(doctor)
app.command()(explain)
app.command()(descend)
app.command()(generate)
app.command()(style)
app.command()(act)


def _version(wanted: bool) -> bool:
    if wanted:
        print(f"gradlab {metadata.version('gradlab')}")
        raise typer.Exit
    return wanted


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run a command: exit 0 done, 2 the user's mistake, 1 ours, 130 after Ctrl-C."""
    sys.unraisablehook = _told_unless_interrupted
    try:
        code = run()
    except KeyboardInterrupt:  # once more, while the first was being answered
        code = INTERRUPTED
    if code == INTERRUPTED:
        # A second Ctrl-C leaves threads inside compiled code; Python must not be torn down round
        # them. What is finished is on the disk.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _told_unless_interrupted(found: Any) -> None:
    # A Ctrl-C while a generator is closed, after an earlier one, can't be raised and is printed.
    if not issubclass(found.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(found)


def run() -> int:
    """Run a command and return the exit code."""
    try:
        # Not standalone: Typer would answer Ctrl-C and a closed pipe in its own way.
        code = app(prog_name="gradlab", standalone_mode=False)
        sys.stdout.flush()
    except GradlabError as error:
        return _say(as_options(str(error)), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped.", INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away (`gradlab list | head`): nothing is wrong.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if hasattr(error, "format_message"):  # Typer's: an unknown option, a missing argument …
            return _usage(error)
        traceback.print_exc()
        return _say(
            "this is a fault in Gradlab, not in what you did. Please report it with the lines "
            "above.",
            OURS,
        )
    if code == INTERRUPTED:  # as Typer hands on Ctrl-C
        return _say("stopped.", INTERRUPTED)
    return code if isinstance(code, int) else DONE


def _usage(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    message = error.format_message()  # type: ignore[attr-defined]
    if not message.strip() or type(error).__name__ == "NoArgsIsHelpError":
        return 2  # the help was printed
    hint = f" See: {context.command_path} --help" if context is not None else ""
    return _say(f"{message.rstrip('.')}.{hint}", getattr(error, "exit_code", 2))


def _say(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"gradlab: {message}", file=sys.stderr)
    return code
