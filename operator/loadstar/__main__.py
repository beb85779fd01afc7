"""`python -m loadstar` is `loadstar`."""

from loadstar.cli import main

main()
