"""Child processes: started, watched, confined, and ended with everything they started.

Knows the system and the sandbox. Knows nothing of models, tools' arguments or approvals.
"""
