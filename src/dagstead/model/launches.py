"""What the control plane tells the managed pool about a launch."""

from __future__ import annotations

#: The tag of a run, in the request alone, that says how often the run has been launched. It is
#: missing at the first time. Hidden in the UI by its prefix.
LAUNCH_NUMBER_TAG = ".dagster/launch_number"
