"""The console: pages on which people see what runs, waits and is broken, and mend it.

A page calls one view of ``control`` and shows it; a form calls one act. Pages are whole without
script. With it, parts of them are asked for again when the bell rings.
"""
