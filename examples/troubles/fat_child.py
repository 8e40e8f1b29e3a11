"""Is small itself; its child takes 80 MB at once after 3 seconds."""

import os
import time

if os.fork() == 0:
    time.sleep(3)
    kept = b"x" * 80 * 1024 * 1024
    time.sleep(3600)
os.wait()
