"""What happened in a workflow, as a Workflow Run RO-Crate 0.5: pure functions of what is stored."""
