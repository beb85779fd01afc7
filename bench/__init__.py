"""Measurements, each with its result in bench/results and the command that made it."""
