"""What touches the operating system, in one place each: children, and files that a stranger may have put there."""
