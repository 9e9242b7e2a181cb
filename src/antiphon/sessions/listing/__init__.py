"""What there is: summaries of all sessions, kept in an index that can be thrown away, and which of them is meant."""
