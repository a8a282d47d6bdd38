"""The default study as a whole process, cold and warm, against its runs as a PyTorch loop.

    python benchmarks/default_study.py [--repeats 3] [--sample 100]

Gradlab's seconds hold everything: starting Python, reading, compiling, about 700 runs, statistics
and the report. PyTorch's hold the training loops alone, with both workers always busy.
"""

from runs import (
    COLD,
    LOOP,
    VMAP,
    WARM,
    print_at_least,
    print_rows,
    print_under,
    study_arguments,
    time_study,
)


def main() -> None:
    arguments = study_arguments((__doc__ or "").splitlines()[0])
    timings = time_study(
        arguments.options,
        peers=(LOOP, VMAP),
        repeats=arguments.repeats,
        sample=arguments.sample,
    )
    print_rows(f"gradlab compare {' '.join(arguments.options)}".strip(), timings)
    if not arguments.options:
        print_at_least("cold, times as fast", timings.times_as_fast(COLD), floor=4, aim=6)
        print_at_least("warm, times as fast", timings.times_as_fast(WARM), floor=8, aim=12)
        print_under("cold, median", timings.rows[COLD].median, limit=45, unit="s")
        print_under("peak memory", timings.peak_bytes / 2**20, limit=1536, unit="MiB")


if __name__ == "__main__":
    main()
