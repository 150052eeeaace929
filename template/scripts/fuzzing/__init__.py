"""What `poe fuzz` needs beside schemathesis: three accounts, and a way to sign them in."""
