"""Words to speech: synthesisers that stream, and say where each word lies in the audio."""
