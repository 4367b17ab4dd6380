"""What a release consists of: three wheels, and what is in them."""
