"""Where commands run: what they can see, change and reach, kept by the kernel.

Knows processes and paths; knows nothing of tools, models or approvals.
"""
