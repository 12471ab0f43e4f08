"""What everybody may import: what touches the operating system, in one place each (children, files that a stranger may
have put there), paths inside a stage, and what musl does.
"""
