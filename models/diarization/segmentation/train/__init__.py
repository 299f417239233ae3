"""Fine-tuning of the published segmentation on simulated conversations."""
