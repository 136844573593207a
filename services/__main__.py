"""`python -m services`: the command `factorlog`."""

from services.cli.main import main

if __name__ == "__main__":
    main()
