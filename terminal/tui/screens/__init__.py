"""The front page and what may lie on top of it: ticket, question, search, help."""
