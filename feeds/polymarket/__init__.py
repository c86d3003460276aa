"""The venue: its catalogue, its books over REST and its market stream, as typed events."""
