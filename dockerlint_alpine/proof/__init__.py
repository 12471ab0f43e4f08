"""Bytes beside rules: what wheels and built images themselves say, put into the words of stages and findings."""
