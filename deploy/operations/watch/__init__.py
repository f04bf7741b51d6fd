"""`./parley watch`: a message through the edge and back, again and again, and what came of it as metrics."""
