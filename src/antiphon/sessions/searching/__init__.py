"""Where words were said: a full-text index of all sessions that can be thrown away."""
