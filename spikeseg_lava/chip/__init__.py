"""The chip: its limits, how a network is laid out on it, the rules it must obey and the report on both."""
