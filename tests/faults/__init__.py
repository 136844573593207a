"""What kills, freezes and floods do to the real processes."""
