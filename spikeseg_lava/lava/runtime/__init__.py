"""A supervised runtime for Lava graphs: time limits, the child's traceback, fast event channels."""
