"""Dagster: one module per concept. Nothing here decides anything about a catalog; the core does, and nothing of the core imports this."""
