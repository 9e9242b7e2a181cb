"""Conversations as files hold them: requests, and the stored sessions of Antiphon and other agents.

Knows where in a file a message stands, and how to write a repaired one back so that its own program opens it again.
Does not know what is right or wrong in a conversation: that is `antiphon.protocol`.
"""
