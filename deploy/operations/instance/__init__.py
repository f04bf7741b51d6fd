"""What is asked of one instance, or run beside it."""
