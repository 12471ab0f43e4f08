"""What a distribution's own sources say of its build: sdists, setup.py, includes. Nothing of them is run."""
