"""What all tests of pages share."""

from playwright.sync_api import expect

#: How long a page may take, in milliseconds: machines are slow at times.
expect.set_options(timeout=60_000)
