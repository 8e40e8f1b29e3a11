"""What a pod under supervisord has for its health: asks every service, and writes down what it saw.

health_monitor.py FILE INTERVAL PORT...
"""
import json
import os
import shutil
import sys
import time
import urllib.request

path, interval, ports = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
failures = dict.fromkeys(ports, 0)


def look(port):
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            well = answer.status == 200
    except OSError:
        well = False
    failures[port] = 0 if well else failures[port] + 1
    return {"well": well, "failures": failures[port], "ms": (time.monotonic() - begun) * 1000}


while True:
    services = {port: look(port) for port in ports}
    disk = shutil.disk_usage("/")
    report = {
        "time": time.time(),
        "services": services,
        "ready": all(count < 3 for count in failures.values()),
        "disk_percent": disk.used * 100 / disk.total,
        "load": os.getloadavg(),
    }
    with open(path + ".new", "w") as file:
        json.dump(report, file)
    os.rename(path + ".new", path)
    time.sleep(interval)
