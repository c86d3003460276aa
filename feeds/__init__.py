"""What the world says: sockets and files in, typed events out."""
