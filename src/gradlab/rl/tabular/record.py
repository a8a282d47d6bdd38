"""The record of training, episode by episode."""

import numpy as np

from gradlab.rl.tabular.program import CUT, RUNNING


class Record:
    """Picks the episodes that ended out of what the compiled program tells."""

    def __init__(self, n: int, episodes: int):
        self.returns = np.zeros((n, episodes))
        self.lengths = np.zeros((n, episodes), np.int32)
        self.ended = np.zeros((n, episodes), bool)
        self.finished = np.zeros(n, int)
        self.last_end = np.full(n, -1)
        self.steps = 0
        self.was_cut = False
        self.idle = np.zeros(n, int)

    def add(self, gains: np.ndarray, codes: np.ndarray) -> int:
        """Add some steps, (steps, agents); return how many episodes ended in them."""
        lane, step = np.nonzero(codes.T != RUNNING)  # agent by agent, in the order of time
        first = np.r_[True, lane[1:] != lane[:-1]] if len(lane) else np.zeros(0, bool)
        order = np.arange(len(lane))
        begins = np.maximum.accumulate(np.where(first, order, 0)) if len(lane) else order
        episode = self.finished[lane] + order - begins
        code = codes[step, lane]
        when = self.steps + step
        before = np.where(first, self.last_end[lane], np.r_[-1, when[:-1]][: len(when)])
        # An episode that was cut takes one more step of the program, which belongs to none.
        gap = np.where(first, self.idle[lane], np.r_[0, code[:-1] == CUT][: len(when)])
        self.returns[lane, episode] = gains[step, lane]
        self.lengths[lane, episode] = when - before - gap
        self.ended[lane, episode] = code != CUT
        last = np.r_[first[1:], True] if len(lane) else first
        self.last_end[lane[last]] = when[last]
        self.idle[lane[last]] = code[last] == CUT
        self.finished += np.bincount(lane, minlength=len(self.finished))
        self.steps += len(codes)
        self.was_cut |= bool((code == CUT).any())
        return len(lane)
