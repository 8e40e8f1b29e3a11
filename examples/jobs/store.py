"""Opens a store, which takes a while, and keeps it open."""

import os
import signal
import sys
import time

signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("goodbye")))
time.sleep(1)
with open(os.path.join(os.environ["STORE"], "open"), "w"):
    print("the store is open")
while True:
    signal.pause()
