"""The audio routes of the OpenAI API: recordings to text, text to speech, for programs that speak that wire."""
