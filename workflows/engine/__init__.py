"""The engine's verbs: thin effects around the pure decisions. Each is short and idempotent."""
