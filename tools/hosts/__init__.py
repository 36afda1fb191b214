"""Two hosts within one machine, and what is tried on them: see `tools.two_hosts`."""
