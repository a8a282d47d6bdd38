"""The command line. Every command reads arguments, calls one function and shows the result."""

import os
import sys
import traceback

import typer

from gradlab import __version__
from gradlab.cli.listing import listing
from gradlab.cli.models import predict, train
from gradlab.cli.studies import compare, report, resume
from gradlab.errors import GradlabError

INTERRUPTED = 130
OURS = 1

app = typer.Typer(
    name="gradlab",
    help="Compare training techniques for neural networks fairly, fast, with statistics.",
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


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gradlab {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run a command: exit 0 done, 2 the user's mistake, 1 ours, 130 after Ctrl-C."""
    try:
        app()
    except GradlabError as error:
        print(f"gradlab: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("gradlab: stopped.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away (`gradlab list | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception:
        traceback.print_exc()
        print(
            "gradlab: this is a fault in Gradlab, not in what you did. Please report it with the "
            "lines above.",
            file=sys.stderr,
        )
        sys.exit(OURS)
