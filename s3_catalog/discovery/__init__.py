"""From a store to table layouts: keys only, no data file is opened."""
