"""File formats that say which distributions are installed, one module a format."""
