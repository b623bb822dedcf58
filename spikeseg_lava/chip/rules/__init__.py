"""Design rules of a chip: everything a model needs that the chip does not give, collected at once."""
