"""`python -m rl_lab.cli`."""

from rl_lab.cli import main

if __name__ == "__main__":
    main()
