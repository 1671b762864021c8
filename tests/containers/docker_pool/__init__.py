"""The managed pool with its code in containers: the same promises as with processes."""
