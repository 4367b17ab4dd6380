"""The Workspace: its objects and methods."""
