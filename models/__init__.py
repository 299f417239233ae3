"""What understands and produces speech. Knows no session; each family is used through its contract alone."""
