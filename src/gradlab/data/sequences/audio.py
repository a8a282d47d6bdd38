"""Recordings (.wav) as sequences: how loud each band of pitch is, frame by frame."""

import wave
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Float64

from gradlab.data.examples import Examples
from gradlab.data.limits import check_memory
from gradlab.data.opening import unreadable
from gradlab.data.sequences.arrays import sequence_features, sequence_notes
from gradlab.errors import DataError

N_BANDS = 40
FRAME, HOP = 0.025, 0.010
"""Seconds that a frame covers, and from one to the next."""

QUIET = 1e-10
"""Power below which all is silence, relative to full scale."""


def read_wav_folder(folder: Path, max_bytes: int | None = None) -> Examples | None:
    """Read CLASS/NAME.wav, or CLASS_ANYTHING.wav in one folder; None if there is no recording.

    Each becomes its log mel energies (`log_mel`), a sequence of frames of 40 bands.

    Raises:
        DataError: If a file is damaged or compressed, shorter than a frame, or has no class; or if
            sampling rates differ.
    """
    try:
        flat, nested = sorted(folder.glob("*.wav")), sorted(folder.glob("*/*.wav"))
        if not flat and not nested:
            return None
        if flat and nested:
            raise DataError(
                f"{folder} holds recordings ({flat[0].name}) and folders of them "
                f"({nested[0].parent.name}). Put each into a class folder."
            )
        files = flat or nested
        nameless = [file for file in flat if "_" not in file.stem]
        if nameless:
            raise DataError(
                f"{nameless[0]} has no class: expected folders CLASS/{nameless[0].name}, or names "
                "CLASS_NUMBER.wav."
            )
        labels = [file.stem.split("_")[0] if flat else file.parent.name for file in files]
        size = sum(file.stat().st_size for file in files)
    except OSError as error:
        raise unreadable(folder, error) from error
    check_memory(f"The recordings in {folder}", 4 * size, max_bytes)
    frames, rates = [], {}
    for file in files:
        signal, rate = read_wav(file)
        rates.setdefault(rate, file)
        if len(rates) > 1:
            listed = ", ".join(f"{file.name} {rate}/s" for rate, file in rates.items())
            raise DataError(f"{folder} mixes sampling rates: {listed}. Resample to one of them.")
        if len(signal) < round(FRAME * rate):
            raise DataError(f"{file} is shorter than a frame of {FRAME:g} s. Leave it out.")
        frames.append(log_mel(signal, rate))
    names = [f"band_{i}" for i in range(1, N_BANDS + 1)]
    features = sequence_features(frames, names=names, where=folder.name, max_bytes=max_bytes)
    (rate,) = rates
    note = (
        f"{len(files)} recordings at {rate}/s become frames of {FRAME * 1000:g} ms every "
        f"{HOP * 1000:g} ms, each the logarithm of the power in {N_BANDS} mel bands."
    )
    notes = (note, *sequence_notes(features))
    return Examples(folder.name, features, np.array(labels, object), notes=notes)


def read_wav(path: Path) -> tuple[Float32[np.ndarray, " samples"], int]:
    """Return the samples of an uncompressed recording in [-1, 1], channels averaged, and the rate.

    Raises:
        DataError: If the file is missing, damaged, or not whole-number PCM.
    """
    try:
        with wave.open(str(path), "rb") as file:
            n_channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            content = file.readframes(file.getnframes())
            missing = file.getnframes() * n_channels * width - len(content)
    except OSError as error:
        raise unreadable(path, error) from error
    except (wave.Error, EOFError) as error:
        raise DataError(
            f"{path} is damaged or no uncompressed .wav ({error}). Save it as 16-bit PCM."
        ) from error
    if missing or not content:
        raise DataError(f"{path} is cut short or empty: {missing} bytes lack. Record it again.")
    if width == 1:
        samples = np.frombuffer(content, np.uint8).astype(np.float32) / 128 - 1
    elif width in (2, 4):
        samples = np.frombuffer(content, f"<i{width}").astype(np.float32) / 2 ** (8 * width - 1)
    else:
        raise DataError(f"{path} has samples of {8 * width} bits. Save it as 16-bit PCM.")
    return samples.reshape(-1, n_channels).mean(axis=1), rate


def log_mel(
    signal: Float[np.ndarray, " samples"], rate: int, *, n_bands: int = N_BANDS
) -> Float32[np.ndarray, "frames bands"]:
    """Return the logarithm of a sound's power in bands of pitch, frame by frame.

    ln(max(|FFT(hann · frame)|² · mel filters, 1e-10)), frames of 25 ms every 10 ms; the filters are
    triangles equally spaced on the mel scale, m = 2595 log10(1 + f / 700), from 0 to rate / 2.
    Source: Davis and Mermelstein 1980, with O'Shaughnessy's mel formula (1987).

    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000)
    >>> spectrum = log_mel(tone, 8000)
    >>> spectrum.shape, int(spectrum.mean(axis=0).argmax())
    ((48, 40), 18)
    """
    size, hop = round(FRAME * rate), round(HOP * rate)
    frames = np.lib.stride_tricks.sliding_window_view(signal, size)[::hop]
    n_fft = 2 ** (size - 1).bit_length()
    power = np.abs(np.fft.rfft(frames * np.hanning(size), n_fft)) ** 2 / size
    energy = power @ mel_filters(n_fft, rate, n_bands)
    return np.log(np.maximum(energy, QUIET)).astype(np.float32)


def mel_filters(n_fft: int, rate: int, n_bands: int) -> Float64[np.ndarray, "frequencies bands"]:
    """Return triangles over the frequencies of an FFT, equally spaced on the mel scale.

    >>> mel_filters(256, 8000, 40).shape
    (129, 40)
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, n_bands + 2) / 2595) - 1)
    frequency = np.fft.rfftfreq(n_fft, 1 / rate)[:, None]
    low, middle, high = corners[None, :-2], corners[None, 1:-1], corners[None, 2:]
    rising, falling = (frequency - low) / (middle - low), (high - frequency) / (high - middle)
    return np.maximum(np.minimum(rising, falling), 0.0)
