"""What `antiphon check` and `antiphon rule` are made of: finding files, judging, repairing, reporting, writing.

Knows files and people. What is right or wrong is known by `antiphon.protocol`, and how sessions are stored by
`antiphon.transcripts`.
"""
