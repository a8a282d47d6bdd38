"""A PyTorch process that waits beside ours and times one case whenever it is asked."""

import json
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).with_name("peers")


class TorchWorker:
    """The process of a script in `peers/`; it sleeps between cases."""

    def __init__(self, threads: int, worker: str = "torch_cnn.py"):
        command = [sys.executable, str(PEERS / worker), "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, **case: object) -> float:
        """Return the seconds of one repeat of a case."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("The PyTorch worker ended; its errors stand above.")
        return json.loads(line)["seconds"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
