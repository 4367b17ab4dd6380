"""The command line ``bvbrc-workflows``: it speaks HTTP with the API and knows no more."""
