"""Takes secrets out of text that leaves the place where it was made: exports, traces, logs, reports."""
