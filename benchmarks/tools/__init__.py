"""What the benchmarks share: load, meters, the product under test, yardsticks, plots."""
