"""The shapes and the socket between engine and face: all that the face may import."""
