"""The ways to run one stack."""
