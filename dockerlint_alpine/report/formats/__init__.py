"""The output formats, one module each: adding a file adds a format."""
