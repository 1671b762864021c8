from __future__ import annotations

import subprocess
import sys

WAITING = """
import threading
from dagstead.server.shutdown import end_process
from dagstead.server.logs import set_up_logs
import logging

set_up_logs("web", "info")
threading.Thread(target=threading.Event().wait).start()
logging.info("all is closed")
print("said")
end_process()
"""


def test_a_waiting_thread_does_not_hold_the_process() -> None:
    result = subprocess.run(
        [sys.executable, "-P", "-c", WAITING],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0
    assert result.stdout == "said\n"
    assert "all is closed" in result.stderr
