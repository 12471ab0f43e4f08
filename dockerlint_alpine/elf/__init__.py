"""Shared objects, wheels, root file systems and images: what they need and what they provide, from their bytes alone."""
