"""What a pod under supervisord has for its memory: the resident memory of every process, with its descendants.

memory_monitor.py FILE INTERVAL
"""
import json
import os
import sys
import time

path, interval = sys.argv[1], float(sys.argv[2])
page = os.sysconf("SC_PAGE_SIZE")


def processes():
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            with open(f"/proc/{name}/statm") as file:
                resident = int(file.read().split()[1]) * page
        except OSError:
            continue
        yield int(name), int(fields[1]), resident


def limit():
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(file) as known:
                return int(known.read())
        except (OSError, ValueError):
            continue
    return os.sysconf("SC_PHYS_PAGES") * page


while True:
    seen = {pid: (parent, resident) for pid, parent, resident in processes()}
    totals = {}
    for pid, (parent, resident) in seen.items():
        top = pid
        while seen.get(top, (1, 0))[0] not in (0, 1):
            top = seen[top][0]
        totals[top] = totals.get(top, 0) + resident
    used = sum(totals.values())
    report = {"time": time.time(), "services": totals, "bytes": used, "percent": used * 100 / limit()}
    with open(path + ".new", "w") as file:
        json.dump(report, file)
    os.rename(path + ".new", path)
    time.sleep(interval)
