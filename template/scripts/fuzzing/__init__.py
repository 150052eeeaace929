"""What `poe fuzz` needs beside schemathesis: four accounts, and a way to sign them in."""
