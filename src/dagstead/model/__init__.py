"""Values that every room may know: locations, agents, places in files. No I/O, and no rules."""
