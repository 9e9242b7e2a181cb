"""What the model can ask for: one `.py` and one `.md` (the description the model reads) per tool."""
