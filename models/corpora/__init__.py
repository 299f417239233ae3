"""Training data, augmentation and optimizers that the families share."""
