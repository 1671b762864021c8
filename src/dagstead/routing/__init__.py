"""Who runs what: queues, agents and locations compared. Pure, the same offline and live.

Every room above may import it. No I/O here, and no knowledge of where the sets come from.
"""
