"""What a network is: layers in floats and in integers, their file, counts, bounds and lossless simplification."""
