"""What simulated people do, as the pictures of docs/simulator.md show it, and the published figures beside it."""
