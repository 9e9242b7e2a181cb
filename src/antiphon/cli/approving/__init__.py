"""Approval of calls by a person: what is shown of them, what an answer means, and the rules that answers write."""
