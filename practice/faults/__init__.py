"""What goes wrong on request: at the HTTP edge, in frames, to orders, and in bursts."""
