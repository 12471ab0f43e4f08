"""One run over many files: configuration, discovery, cache, suppression, scheduling, and the doctor that judges."""
