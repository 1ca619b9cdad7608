"""Sound: recordings, their features, and sound that comes piece by piece."""
