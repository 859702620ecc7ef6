"""`python -m nctheory` is the command line."""

from nctheory.cli import main

main()
