"""What the venue lists, who trades there and what the press prints: one time line a seed."""
