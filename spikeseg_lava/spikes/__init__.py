"""What a run returns: spike records, their files and their comparison."""
