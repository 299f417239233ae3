"""What programs ask of a cluster, passed on to one of its workers, on the wires that the worker itself serves."""
