"""The same DAG by engines that one would pick instead: ``python -m benchmarks.rivals``."""
