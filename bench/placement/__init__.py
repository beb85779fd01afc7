"""Loadstar's placement beside that of others on the same work; see docs/benchmarks-placement.md."""
