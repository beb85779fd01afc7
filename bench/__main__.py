"""`make bench`: run every measurement."""

from bench.placement import main

main()
