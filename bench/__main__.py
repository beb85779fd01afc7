"""`make bench`: run every measurement."""

from bench.core import main

main()
