"""Stand-in: Lava takes the extension for installed where this module can be found."""
