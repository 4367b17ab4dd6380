"""The page that saves a workflow as a template."""
