"""What commands print with: consoles that fall silent with their reader, and strict JSON."""

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> "Console":
    """Return a console that raises BrokenPipeError when the reader of its pipe goes away."""
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> NoReturn:  # Rich would exit with 1
            raise BrokenPipeError

    return Terminal(stderr=stderr, highlight=False)


def print_json(content: Any) -> None:
    """Print content as JSON; a number that is not finite becomes null, as JSON has none."""
    print(json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False))


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
