"""A factorial study of 2,000 runs as a whole process, cold, against a PyTorch loop.

    python benchmarks/factorial_study.py [--repeats 3] [--sample 100]

5 optimizers × 4 activations × 4 initialisers × 5 dropout rates × 5 learning rates, one seed, 30
epochs. The learning rate is an axis, so nothing is tuned; with one seed there is nothing that
PyTorch could stack with `vmap`.
"""

from runs import COLD, LOOP, print_at_least, print_rows, study_arguments, time_study

VARY = {
    "optimizer": "sgd,momentum,adagrad,rmsprop,adam",
    "activation": "sigmoid,tanh,relu,gelu",
    "init": "small_normal,lecun_normal,xavier_normal,he_normal",
    "dropout": "0,0.1,0.2,0.3,0.5",
    "learning_rate": "0.0003,0.001,0.003,0.01,0.03",
}
OPTIONS = ["--design", "factorial", "--seeds", "1", "--learning-rates", "0", "--epochs", "30"]
OPTIONS += [part for axis, levels in VARY.items() for part in ("--vary", f"{axis}={levels}")]


def main() -> None:
    arguments = study_arguments((__doc__ or "").splitlines()[0])
    options = arguments.options or OPTIONS
    timings = time_study(options, peers=(LOOP,), repeats=arguments.repeats, sample=arguments.sample)
    print_rows(f"gradlab compare {' '.join(options)}", timings)
    if not arguments.options:
        print_at_least("cold, times as fast", timings.times_as_fast(COLD), floor=8, aim=14)


if __name__ == "__main__":
    main()
