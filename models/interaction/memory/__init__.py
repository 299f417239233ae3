"""Long-term memory: what people asked to be remembered, or told of themselves, in a file of the user's own."""
