"""What a network takes of a chip, what it does there on a clip, what that costs, and which rules it breaks."""
