"""Profiling: some rows of a table and figures of its columns and files, all of it masked before it leaves here."""
