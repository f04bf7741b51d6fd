"""How somebody else's project is served without a line of it changed."""
