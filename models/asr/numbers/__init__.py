"""Numbers as people write them: the rules of each language, for written_numbers.py."""
