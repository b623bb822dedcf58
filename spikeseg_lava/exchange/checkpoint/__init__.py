"""Trained SpikeSEG checkpoints of PyTorch, read without executing anything in them."""

from spikeseg_lava.exchange.checkpoint.load import load_checkpoint

__all__ = ["load_checkpoint"]
