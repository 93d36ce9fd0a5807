"""Claims about time on the virtual clock: many tunnels side by side, silent cuts at chosen moments, and what the wire tells."""
