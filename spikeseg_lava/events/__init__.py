"""Event recordings: read any supported file, repair what can be repaired and say so, and bin events into frames."""
