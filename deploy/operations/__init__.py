"""What is done to a stack: check, render, install, roll out, back up, examine, drill, probe, measure."""
