"""One set from a simulated press, measured by sledwatch, as the pictures of docs/one-set.md show it."""
