"""References in ``docs/`` that are made from the code; ``scripts/references.sh`` writes them."""
