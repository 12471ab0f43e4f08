"""File formats that list distributions to install, one module per format."""
