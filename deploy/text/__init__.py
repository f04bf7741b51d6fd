"""What is rendered from the model, as text, and how it is read back. Pure: templates are read, nothing is written."""
