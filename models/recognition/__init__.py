"""Speech to words: streaming recognisers behind one contract."""
