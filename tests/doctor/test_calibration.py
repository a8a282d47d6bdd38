"""The file of thresholds: complete, nothing idle, and moving a threshold does what it says."""

import re
from pathlib import Path

import pytest

import gradlab.doctor
from gradlab.doctor.calibration import load_calibration, parse_calibration, read_calibration
from gradlab.errors import DataError

FOLDER = Path(gradlab.doctor.__file__).parent
RULES = [*FOLDER.glob("causes/*.py"), *FOLDER.glob("symptoms/*.py")]
SOURCES = [*RULES, FOLDER / "diagnosis.py", FOLDER / "standing.py"]


def test_every_name_in_the_rules_is_in_the_file_and_the_other_way_round():
    calibration = load_calibration()
    text = "\n".join(path.read_text() for path in SOURCES)
    asked = set(re.findall(r'calibration\[\s*"([a-z_.]+)"\s*\]', text))
    asked |= {f"{kind}.gain" for kind in re.findall(r'KIND = "([a-z_]+)"', text)}
    known = set(calibration.thresholds)
    assert asked - known <= {name for name in asked if name.endswith(".gain")}
    idle = {name for name in known - asked if f'"{name}"' not in text}
    assert {name for name in idle if not name.endswith(".gain")} == set()
    for name in calibration.confidences:
        kind, grade = name.split(".")
        source = (FOLDER / "causes" / f"{kind}.py").read_text()
        assert grade in source, name


def test_file_reads_writes_and_reads_again(tmp_path):
    calibration = load_calibration()
    path = tmp_path / "calibration.toml"
    path.write_text(calibration.with_value("overfitting.gap", 0.4).to_toml())
    again = read_calibration(path)
    assert again["overfitting.gap"] == 0.4
    assert again.confidences == calibration.confidences
    assert calibration["overfitting.gap"] != 0.4, "the calibration in use is left as it was"


def test_confidence_grows_with_the_strength_of_evidence():
    calibration = load_calibration()
    weak, strong = calibration.confidences["optimizer.trial"]
    assert calibration.confidence("optimizer.trial", 0.0) == weak
    assert calibration.confidence("optimizer.trial", 0.5) == pytest.approx((weak + strong) / 2)
    assert calibration.confidence("optimizer.trial", 7.0) == strong


def test_bad_files_are_refused():
    good = load_calibration().to_toml()
    with pytest.raises(DataError, match=r"must lie within 0\.05 to 0\.8; got 7\.0"):
        parse_calibration(
            good.replace('"overfitting.gap" = { value = 0.25', '"overfitting.gap" = { value = 7.0')
        )
    with pytest.raises(DataError, match="pair 0 <= weak <= strong <= 1"):
        parse_calibration(re.sub(r'("optimizer.trial" = ).*', r"\1[0.9, 0.1]", good))
    with pytest.raises(DataError, match='needs alarms = "above" or "below"'):
        parse_calibration(good.replace('alarms = "above"', 'alarms = "beside"', 1))
    with pytest.raises(DataError, match=r"Did you mean 'overfitting\.gap'"):
        load_calibration()["overfiting.gap"]
    with pytest.raises(DataError, match="Unknown confidence"):
        load_calibration().confidence("moon.phase")
