"""``python -m cli``: the same as ``bvbrc-workflows``."""

from cli.main import main

if __name__ == "__main__":
    main(prog_name="bvbrc-workflows")
