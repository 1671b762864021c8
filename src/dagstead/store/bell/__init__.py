"""The bell's transport: rings within a process, and to the other processes on the same database."""
