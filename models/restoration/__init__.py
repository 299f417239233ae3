"""Speech restoration by flow matching: the published system (Stream.FM) and the lite network that is bundled."""
