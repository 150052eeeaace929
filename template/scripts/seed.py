"""Write sample data, for a look around on your own machine: `poe seed`."""
