#!/usr/bin/python3
"""detection, with the scheduler traced around late verdicts"""
import os, sys, time, subprocess
from pathlib import Path
sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]
import detection
from timelab import cuts
T="/sys/kernel/tracing"
subprocess.run(["mount","-t","tracefs","t",T],check=False)
def w(f,v):
    with open(f"{T}/{f}","w") as h: h.write(v)
w("trace_clock","mono")
w("buffer_size_kb","3000")
for e in ("sched/sched_switch","sched/sched_waking","irq/softirq_entry","irq/softirq_exit","timer/hrtimer_expire_entry","timer/hrtimer_expire_exit","raw_syscalls/sys_enter","net/net_dev_xmit"):
    try: w(f"events/{e}/enable","1")
    except OSError as x: print(e,x)
n=[0]
old=cuts.detection
def mine(tunnel,packets,cut_at):
    d=old(tunnel,packets,cut_at)
    if d.beyond is not None and tunnel.near=="fifo":
        off=time.monotonic()-time.time()
        down=next(p for i,p in enumerate(packets) if p.ours and p.state=="Down" and any(e.state=="Up" for e in packets[:i]))
        at=down.at+off
        print(f"{tunnel.interface} {tunnel.interval} beyond {d.beyond:.0f} at {at:.6f}",flush=True)
        if d.beyond>800 and n[0]<4:
            n[0]+=1
            w("tracing_on","0")
            subprocess.run(f"echo '{tunnel} beyond {d.beyond} down at {at}' > /run/out/late{n[0]}.txt; cat {T}/trace >> /run/out/late{n[0]}.txt",shell=True)
            w("trace","")
            w("tracing_on","1")
    return d
cuts.detection=mine
detection.TIMES=int(sys.argv[1]) if len(sys.argv)>1 else 4
os.makedirs("/run/out",exist_ok=True)
sys.exit(detection.main())
