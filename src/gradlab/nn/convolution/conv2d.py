"""The convolution of images."""

from typing import ClassVar

from gradlab.nn.convolution.layer import Convolution


class Conv2D(Convolution):
    """Convolution of images (batch, height, width, channels).

        y[u, v, o] = b[o] + Σ_{i, j, c} w[i, j, c, o] · x[s u + d i − p, s v + d j − p, c]

    with stride s, dilation d and zeros outside the image (a cross-correlation: the kernel is not
    flipped). Each output sees adjacent inputs alone, and all share one kernel, so a shifted image
    gives a shifted output.

    Args:
        weight: w, shape (kernel height, kernel width, c_in / groups, c_out). PyTorch's, which is
            (c_out, c_in / groups, height, width), becomes it by `transpose(2, 3, 1, 0)`.
        bias: b, shape (c_out,); None for none.
        stride: s, one number or (vertical, horizontal).
        padding: p: "valid" (none), "same" (output as large as the input divided by the stride,
            rounded up), a number, one for each axis, or pairs ((top, bottom), (left, right)).
        dilation: d, distance of the kernel's taps.
        groups: Channels are split into so many groups that do not see each other; as many as
            input channels make a depthwise convolution.
        chunk: Images per product of the weight gradient on a CPU; None to choose by size. It
            changes the time and the order of a sum, nothing else.

    Raises:
        RecipeError: In `output_shape` and the call, if the kernel is larger than the padded image.

    Source: Goodfellow et al. 2016, Deep Learning, section 9.5, https://www.deeplearningbook.org

    >>> import numpy as np
    >>> image = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1],
    ...                   [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]], float)
    >>> kernel = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], float)
    >>> Conv2D(kernel[:, :, None, None])(image[None, :, :, None], ())[0][0, :, :, 0].tolist()
    [[4.0, 3.0, 4.0], [2.0, 4.0, 3.0], [2.0, 3.0, 4.0]]
    """

    n_axes: ClassVar[int] = 2
