"""`make bench`: run every measurement."""

from bench import core, queue

core.main()
queue.main()
