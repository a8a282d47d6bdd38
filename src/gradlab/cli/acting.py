"""gradlab act."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.analyses import free, hand_over, typed
from gradlab.cli.studies import Json
from gradlab.cli.terminal import console

if TYPE_CHECKING:
    from gradlab.lab.acting.runs import Stand

INTERRUPTED = 130


def act(
    environment: Annotated[
        str,
        typer.Argument(
            help="vacuum, grid_world, cliff, bandit, frozen_lake, taxi, chain, cart_pole, or a "
            "text file with a map."
        ),
    ],
    agent: Annotated[
        str, typer.Option(help="q_learning, sarsa, double_q (tables) or dqn (a network).")
    ] = "",
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting and its levels: exploration=greedy,epsilon:0.1,epsilon:1-0.05,"
            "softmax:0.5,ucb:1, or learning_rate=0.1,0.5, or agent=q_learning,sarsa."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting of agent or environment: discount=0.95, plan=documents, size=8x8.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Agents of each setting.")] = 10,
    episodes: Annotated[
        int | None, typer.Option(help="Episodes of each table; 500 to 10,000 by environment.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of each network; 50,000.")] = None,
    goal: Annotated[
        float | None,
        typer.Option(help="Mean return of 100 episodes that counts as solved; of cart_pole 195."),
    ] = None,
    stop_when_solved: Annotated[
        bool, typer.Option("--stop-when-solved", help="End a network's run at its goal.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; gradlab-act by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let agents learn to act, many at once; report who acts best, with pictures of what they do.

    Ctrl-C ends the training; what is finished is reported.
    """
    from gradlab.lab.acting.asking import act_study
    from gradlab.lab.words import parse_set, parse_vary
    from gradlab.process import configure

    free(out)
    settings, varied = parse_set(set_ or []), parse_vary(vary or [])
    configure()
    with _watching(quiet=as_json) as listen:
        study = act_study(
            environment,
            agent or _usual_agent(environment),
            vary=varied,
            seeds=seeds,
            episodes=episodes,
            steps=steps,
            settings=settings,
            goal=goal,
            stop_when_solved=stop_when_solved,
            listen=listen,
            command=typed(),
        )
    hand_over(study, name="gradlab-act", out=out, notes=(), as_json=as_json)
    if study.missing:
        raise typer.Exit(INTERRUPTED)


def _usual_agent(environment: str) -> str:
    """Return the agent that fits where none was named; a cart and its pole need a network."""
    return "dqn" if environment.replace("-", "_") == "cart_pole" else "q_learning"


@contextlib.contextmanager
def _watching(*, quiet: bool) -> Iterator[Callable[["Stand"], None]]:
    """Show on the terminal how far the training has got."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    told = console(stderr=True)
    bar = Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=28),
        TextColumn("{task.fields[agents]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=told,
        disable=quiet or not told.is_terminal,
        transient=True,
    )
    task = bar.add_task("compiling", total=1.0, agents="", words="")

    def listen(stand: "Stand") -> None:
        bar.update(
            task,
            description="learning",
            completed=min(1.0, stand.share),
            agents=f"{stand.done}/{stand.total} agents",
            words=stand.words,
        )

    with bar:
        yield listen
