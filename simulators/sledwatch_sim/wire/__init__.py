"""How machines and the broker come together: connections, what a machine keeps until it is stored, and bad networks."""
