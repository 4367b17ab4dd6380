"""What single parts of the product cost by themselves."""
