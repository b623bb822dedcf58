"""Lava Processes of spiking convolutional networks, one folder a Process with its models, as Lava searches for them.

Ports, shapes and weights follow Lava: images (W, H, C), kernels (O, kx, ky, I) as in `lava.proc.conv.Conv`.
"""
