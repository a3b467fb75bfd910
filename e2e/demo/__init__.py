"""The demo: real API calls against the emulated account, and what the deployed stack does about them."""
