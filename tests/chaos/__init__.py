"""The kill matrix: break one thing at one moment of a real job, and prove that every row still ends exactly once."""
