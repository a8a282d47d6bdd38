"""Keeping BLAS to one thread while our own threads share the work."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

from gradlab.process import cores


class _Blas:
    """The setting of BLAS's threads, which all threads of the process share.

    Two callers at once must not restore each other's limit: the last one out restores the first's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit = None
        self._allowed = 1

    @contextmanager
    def one_thread(self) -> Iterator[int]:
        with self._lock:
            if self._inside == 0:
                libraries = _libraries()
                found = [library.num_threads for library in libraries.lib_controllers]
                self._allowed = min((n for n in found if n), default=cores())
                self._limit = libraries.limit(limits=1)
            self._inside += 1
        try:
            yield self._allowed
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0 and self._limit is not None:
                    self._limit.restore_original_limits()


_blas = _Blas()


@contextmanager
def one_thread() -> Iterator[int]:
    """Keep BLAS to one thread a call; hand out how many it may use otherwise.

    May be nested, and entered by several threads at once.
    """
    with _blas.one_thread() as allowed:
        yield allowed


@functools.cache
def _libraries() -> ThreadpoolController:
    """Return the handle of the BLAS libraries; looking for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
