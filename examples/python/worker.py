"""Says now and then how many visits there were."""

import os
import signal
import sys
import time

VISITS = os.path.join(os.environ["DATA"], "visits")

signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("goodbye")))
seen = 0
while True:
    count = os.path.getsize(VISITS) if os.path.exists(VISITS) else 0
    if count != seen:
        seen = count
        print(f"{count} visits so far")
    time.sleep(5)
