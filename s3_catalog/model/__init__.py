"""The vocabulary: types, tables, ledger, snapshots. Standard library and Arrow only."""
