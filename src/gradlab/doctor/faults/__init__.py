"""Faults put into healthy programs, to set thresholds by and to keep score."""
