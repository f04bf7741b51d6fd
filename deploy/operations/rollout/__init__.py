"""One release after another, without anybody losing a message; the same code over every installed stack."""
