"""Faults of every kind, injected at random moments into tunnels side by side, and the causes that wgbfd names at both ends."""
