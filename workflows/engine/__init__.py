"""The verbs: thin effects around the pure decisions. Each is short and safe to run twice."""
