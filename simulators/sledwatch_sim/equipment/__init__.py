"""What stands on the floor: models of leg press, how their sleds travel, and the sensors that look on."""
