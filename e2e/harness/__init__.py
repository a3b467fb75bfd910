"""Drives the emulated account from outside: starts it, deploys the real stack, looks at what became of it."""
