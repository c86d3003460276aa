"""What we make of it: events in, decisions out; no I/O, no clock, no chance of its own."""
