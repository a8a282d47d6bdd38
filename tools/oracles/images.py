"""Write tests/oracles/images.safetensors: what scikit-image gives for PSNR and SSIM.

Run from the repository with scikit-image installed: python tools/oracles/images.py
"grey" and "colour" are images in 0 to 1, "bytes" whole numbers; each has a noisy twin ".noisy".
For each: [PSNR, SSIM in windows of 7, SSIM in Gaussian windows as Wang et al. have it].
"""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

rng = np.random.default_rng(0)
smooth = np.add.outer(np.sin(np.arange(24) / 4), np.cos(np.arange(30) / 5)) / 4 + 0.5
arrays = {}
for name, image, largest in (
    ("grey", smooth, 1.0),
    ("colour", np.stack([smooth, 1 - smooth, smooth**2], axis=-1), 1.0),
    ("bytes", np.round(255 * smooth).astype(np.uint8), 255.0),
):
    noisy = np.clip(image + rng.normal(0, 0.08 * largest, image.shape), 0, largest)
    noisy = noisy.astype(image.dtype)
    axis = 2 if image.ndim == 3 else None
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    arrays[name], arrays[f"{name}.noisy"] = image, noisy
    arrays[f"{name}.values"] = np.array(
        [
            peak_signal_noise_ratio(image, noisy, data_range=largest),
            structural_similarity(image, noisy, data_range=largest, channel_axis=axis),
            structural_similarity(image, noisy, data_range=largest, channel_axis=axis, **gaussian),
        ]
    )
target = Path(__file__).parents[2] / "tests" / "oracles" / "images.safetensors"
save_file(arrays, target, metadata={"made with": "scikit-image 0.26.0"})
