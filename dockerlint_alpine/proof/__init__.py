"""Evidence from files: what wheels and built images contain, in terms of stages and findings."""
