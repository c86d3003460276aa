"""The other end of the link: faces served, questions answered, with or without an engine."""
