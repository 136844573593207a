"""The portal: pages for people."""
