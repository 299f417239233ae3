"""Training of FReTNA: distillation from the autoregressive translator, and the training itself."""
