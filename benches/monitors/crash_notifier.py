"""What a pod under supervisord has for its crashes: an event listener that writes alerts down.

crash_notifier.py FILE
"""
import json
import sys
import time

path = sys.argv[1]


def pairs(line):
    return dict(pair.split(":", 1) for pair in line.split())


while True:
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    head = pairs(sys.stdin.readline())
    event = pairs(sys.stdin.read(int(head["len"])))
    if head["eventname"] == "PROCESS_STATE_FATAL" or event.get("expected") == "0":
        with open(path, "a") as file:
            file.write(json.dumps({"time": time.time(), "kind": head["eventname"], "service": event["processname"]}) + "\n")
    sys.stdout.write("RESULT 2\nOK")
    sys.stdout.flush()
