"""Who runs what: queues, agents and locations compared. Pure, the same offline and live.

Every room above may import it. No I/O here; ``routing.files`` turns what ``project`` has read into
agents, everything else does not know where its sets come from.
"""
