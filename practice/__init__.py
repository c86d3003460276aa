"""A practice venue and newsroom on loopback that speak the real protocols: a program of its own."""
