"""`python -m app.cli`, which is how `up` starts its children."""

from app.cli.commands import main

if __name__ == "__main__":
    main()
