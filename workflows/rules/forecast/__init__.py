"""When a workflow or a batch ends: its progress in virtual time, many times over. Pure."""
