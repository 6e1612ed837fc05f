"""From a raised alert to the people: raise once, send to every sink."""
