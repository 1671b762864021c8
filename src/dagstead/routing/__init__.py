"""Who runs what: queues, agents and locations compared. Pure, the same offline and live.

Values in, values out: ``repository.agents`` reads agents from files, ``client`` asks a server
for them, and this room does not know which it was.
"""
