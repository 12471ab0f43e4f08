"""What everybody may import: what touches the operating system, in one place each (children, files that a stranger may
have put there), what musl does, and what this program is.
"""
