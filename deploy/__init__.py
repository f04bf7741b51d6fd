"""Operations: makes, starts and watches the stack. Never imports app/ or Django."""
