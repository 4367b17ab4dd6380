"""AppService: its methods, jobs, listings and results."""
