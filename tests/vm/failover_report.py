#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 1800
"""tests/lab/test_failover_report.py on the virtual clock, over in-kernel WireGuard, where the times count: the first and the last
prefix that moved, by FPM and by route events, each within 5 % of what the kernel's own events say. 1,000 routes each way over
FRR; WGBFD_FULL=1: 5,000, and BIRD."""
import os
from pathlib import Path

TEST = Path(__file__).resolve().parents[1] / "lab/test_failover_report.py"
BUILD = Path("/opt/build")  # as that test wants it, outside /run: each host has its own
FULL = bool(os.environ.get("WGBFD_FULL"))

(BUILD / "src").mkdir(parents=True)
(BUILD / "src/wgbfd").symlink_to("/usr/sbin/wgbfd")
os.environ.update(WGBFD_VIRTUAL="1", WGBFD_ROUTES="5000" if FULL else "1000")
os.execv(TEST, [str(TEST), str(BUILD), "frr", *(["bird"] if FULL else [])])
