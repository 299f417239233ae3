"""What makes the text of a reply: model servers, local language models, and the choice between them and skills."""
