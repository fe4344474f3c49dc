"""Turns an object store into a catalog: lists, groups, infers, publishes. See `pipeline.py` for the flow on one screen."""
