"""The proxy between other clients and the API: what would be refused is repaired, all else passes untouched.

Knows HTTP and who is upstream. Does not know what is right or wrong in a conversation: that is `antiphon.protocol`.
"""
