"""The pool's other backend: code servers and runs in containers of this machine's Docker.

Through the official Docker agent's launcher. PEX locations get images that are made here, of a base
image with their Python; images of other locations are run as they are.
"""
