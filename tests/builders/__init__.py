"""What several test packages build: networks, models, clips, recordings, files and records, a module for each kind."""
