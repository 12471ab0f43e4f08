"""The output formats, one module each: a new file is a new format."""
