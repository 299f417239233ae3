"""DeepFilterNet3 trained further: the network over whole recordings, its training, what the engine runs of it."""
