"""Commands that take or give workflow documents."""
