"""What a conversation hears: frames, utterances, words, speakers, and the graph of nodes that they pass through."""
