"""GA4GH WES 1.1: a second door to the same workflows (docs/wes.md). A run is a workflow."""
