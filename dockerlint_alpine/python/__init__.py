"""The Python side: which distributions an installation brings, in which version, as wheel or as source."""
