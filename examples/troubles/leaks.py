"""Takes 8 MB more each second, and gives none of it back."""

import time

kept = []
while True:
    time.sleep(0.125)
    # Not zeros: memory that was never written to is not there.
    kept.append(b"x" * 1024 * 1024)
