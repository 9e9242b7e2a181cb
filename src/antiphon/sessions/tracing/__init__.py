"""A session in time: what ran when, what it waited for, and what that saved, worked out from the records. Pure."""
