"""What happens to a line of the log that cannot be written."""

import os

from app.log_output import CAPACITY, LogOutput


def test_line_that_cannot_be_written_is_dropped_and_counted() -> None:
    """Denial of service: the reader of the log has ended, or too many lines wait for it."""
    output = LogOutput()
    reader, output.fd = os.pipe()
    os.close(reader)
    output.write("lost")
    output.finish()
    reader, writer = os.pipe()
    os.dup2(writer, output.fd)

    output.write("x" * (CAPACITY + 1))
    output.write("kept")

    assert os.read(reader, 200).endswith(b'"dropped": 2}\nkept\n')
