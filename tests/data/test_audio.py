"""Recordings as log mel energies."""

import wave

import numpy as np
import pytest

from gradlab.data import load_dataset
from gradlab.data.sequences.audio import log_mel, mel_filters, read_wav
from gradlab.errors import DataError

RATE = 8000


def tone(frequency, seconds=0.2):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def write(path, signal, *, width=2, rate=RATE, channels=1):
    path.parent.mkdir(exist_ok=True)
    scaled = signal * (2 ** (8 * width - 1) - 1) + (128 if width == 1 else 0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(
            np.repeat(scaled, channels).astype(f"{'<u' if width == 1 else '<i'}{width}")
        )
    return path


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (2, 1), (2, 2), (4, 1)])
def test_samples_come_back(tmp_path, width, channels):
    path = write(tmp_path / "a.wav", tone(440), width=width, channels=channels)
    samples, rate = read_wav(path)
    assert rate == RATE
    np.testing.assert_allclose(samples, tone(440), atol=2.0 ** (2 - 8 * width) + 1e-7)


@pytest.mark.parametrize("frequency", [300, 1000, 2500])
def test_a_tone_is_loudest_in_its_own_band(frequency):
    filters = mel_filters(256, RATE, 40)
    nearest = np.abs(np.fft.rfftfreq(256, 1 / RATE) - frequency).argmin()
    loudest = log_mel(tone(frequency), RATE).mean(axis=0).argmax()
    assert abs(int(loudest) - int(filters[nearest].argmax())) <= 1


def test_recordings_become_sequences(tmp_path):
    for i in range(3):
        write(tmp_path / "flat" / f"low_ann_{i}.wav", tone(300, 0.1 + 0.1 * i))
        write(tmp_path / "flat" / f"high_bob_{i}.wav", tone(2000))
        write(tmp_path / "low" / f"{i}.wav", tone(300, 0.1 + 0.1 * i))
    data = load_dataset(tmp_path / "flat")
    assert data.classes == ("high", "low")
    assert data.features.row_shape == (28, 40)
    assert data.features.lengths.tolist() == [18, 18, 18, 8, 18, 28]
    (tmp_path / "sets").mkdir()
    (tmp_path / "low").rename(tmp_path / "sets" / "low")
    write(tmp_path / "sets" / "high" / "0.wav", tone(2000))
    assert load_dataset(tmp_path / "sets").classes == ("high", "low")


def test_bad_recordings_are_named(tmp_path):
    def refused(match):
        with pytest.raises(DataError, match=match):
            load_dataset(tmp_path / "set")

    write(tmp_path / "set" / "a_1.wav", tone(300))
    bad = write(tmp_path / "set" / "b_1.wav", tone(300, 0.01))
    refused("b_1.wav is shorter than a frame")
    write(bad, tone(300), rate=16000)
    refused("mixes sampling rates: a_1.wav 8000/s, b_1.wav 16000/s")
    bad.write_bytes(b"RIFFnot a recording at all")
    refused("b_1.wav is damaged or no uncompressed")
    bad.write_bytes(write(bad, tone(300)).read_bytes()[:-100])
    refused("b_1.wav is cut short")
    bad.unlink()
    write(tmp_path / "set" / "x.wav", tone(300))
    refused("x.wav has no class")
