"""Fuzzing: objects that are odd, hostile or broken, by the thousand, against the real API server and the operator."""
