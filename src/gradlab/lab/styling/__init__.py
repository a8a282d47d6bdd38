"""Sweeps of style transfer and feature inversion: contact sheets, tables and a page."""
