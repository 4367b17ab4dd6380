"""What is promised whatever dies: crash points, isolation, a short chaos run."""
