"""Decisions as pure functions: no I/O, no clock, no framework.

Everything here maps (what is seen, now) to values; `loadstar.runtime` feeds it and carries out what it says.
"""
