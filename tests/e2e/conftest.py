"""What all end-to-end tests share: real sandboxes."""

from tests.e2e.sandbox_fixture import sandbox

__all__ = ["sandbox"]
