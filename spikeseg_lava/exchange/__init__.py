"""Networks come and go: PyTorch checkpoints, NIR graphs and lava-dl's `.net` files."""
