"""FReTNA: re-translation by edits of the last translation (Han et al., 2020, arXiv 2012.14681)."""
