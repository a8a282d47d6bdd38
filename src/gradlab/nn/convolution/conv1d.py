"""The convolution along one axis, over sequences."""

from typing import ClassVar

from gradlab.nn.convolution.layer import Convolution


class Conv1D(Convolution):
    """Convolution of sequences (batch, time, channels), y[t, o] = b[o] + Σ w[i, c, o] x[t + i, c].

    The same as `Conv2D` with one axis fewer; see there for what stride, dilation, groups and
    padding mean. Of `Padded` sequences each is convolved as if it stood alone, zeros beyond its end
    (with "same" and a stride, the even number of zeros lies as for the longest).

    Args:
        weight: w, shape (taps, c_in / groups, c_out).
        bias: b, shape (c_out,); None for none.

    >>> import numpy as np
    >>> layer = Conv1D(np.array([[[1.0]], [[-1.0]]]))
    >>> layer(np.array([[[1.0], [4.0], [9.0]]]), ())[0].ravel().tolist()
    [-3.0, -5.0]
    """

    n_axes: ClassVar[int] = 1
    takes_padded: ClassVar[bool] = True
