"""What explains a step that does not run: the values, and the reasons of its job."""
