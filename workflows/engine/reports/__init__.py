"""What users and operators read of a workflow and of the whole."""
