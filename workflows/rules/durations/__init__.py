"""How long jobs wait and run: histograms of earlier jobs, and what they let expect. Pure."""
