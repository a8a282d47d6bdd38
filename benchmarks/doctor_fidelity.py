"""Compare programs rebuilt from a case file with the scores that the file gives for them.

    python benchmarks/doctor_fidelity.py CASES.json --mnist DIR --cifar10 DIR

Every case is trained from several seeds on all its training rows and scored on its evaluation rows
(on the training rows where there are none). Prints a line a case: our scores and the published
ones, and whether both may come from the same program.
"""

import argparse
from pathlib import Path

from gradlab.doctor.program.cases import read_cases_leniently
from gradlab.doctor.program.fidelity import compared
from gradlab.errors import GradlabError


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path, help="file of schema doctor-cases/1")
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's idx files")
    parser.add_argument("--cifar10", type=Path, help="folder of CIFAR-10's binary files")
    parser.add_argument("--arrays", type=Path, help="folder of .npz files for other generators")
    parser.add_argument("--only", default="", help="cases whose id contains this")
    options = parser.parse_args()
    folders = {
        name: folder
        for name in ("mnist", "cifar10", "arrays")
        if (folder := getattr(options, name)) is not None
    }
    cases, problems = read_cases_leniently(options.cases, only=options.only)
    failed = [*problems]
    for case in cases:
        try:
            found = compared(case, folders)
        except GradlabError as error:
            failed.append(str(error))
            continue
        print(found, flush=True)
    for problem in failed:
        print("not built:", problem)


if __name__ == "__main__":
    main()
