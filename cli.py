"""`python cli.py …` in a checkout is the installed `modassist …`."""

from modassist.cli import main

if __name__ == "__main__":
    main()
