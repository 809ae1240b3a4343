"""`python -m modassist` is `modassist`."""

from modassist.cli import main

main()
