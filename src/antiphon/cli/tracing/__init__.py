"""Pictures of a session in time: for the terminal, as SVG, as a page, and as JSON."""
