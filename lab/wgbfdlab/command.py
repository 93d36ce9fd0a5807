"""lab/run: arguments, the runs they ask for, and what is printed."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import picture, report, scenario
from .network import Network
from .settings import FEEDS, Settings, parse_duration
from .topology import MODES, LabError, load

LAB = Path(__file__).resolve().parent.parent
NEEDED = ("ip", "nsenter", "unshare", "setpriv", "wg", "nft")


def main(arguments):
    options = _parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        _check_host()
        return _run(options)
    except (LabError, OSError, subprocess.SubprocessError) as error:
        print(f"lab/run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab/run: interrupted; everything is removed", file=sys.stderr)
        return 130


def _interrupted(_signal, _frame):
    raise KeyboardInterrupt


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="lab/run", description="Realises a containerlab topology with network namespaces, "
                                     "does something to it while 1,000 packets/s cross it, and tells what moved and when.")
    parser.add_argument("topology", help=f"{', '.join(_topologies())}, or a path to a .clab.yml file")
    parser.add_argument("scenario", choices=[*scenario.SCENARIOS, "demo"],
                        help="demo: the scenario cut in all three modes, side by side")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--without-wgbfd", dest="mode", action="store_const", const="none", default="wgbfd", help="no BFD at all")
    how.add_argument("--with-stock-bfd", dest="mode", action="store_const", const="stock", help="FRR's own bfdd, or BIRD's own BFD")
    parser.add_argument("--far", choices=MODES, help="another mode for the far end of the tunnel that is cut")
    parser.add_argument("--feed", choices=FEEDS, default="frr-bfd", help="how wgbfd tells FRR (BIRD: by the feed its topology names)")
    parser.add_argument("--wgbfd", type=Path, default=LAB.parent / "build/src/wgbfd", metavar="PATH")
    parser.add_argument("--interval", default="50ms", help="BFD interval, 50ms by default")
    parser.add_argument("--multiplier", type=int, default=3)
    parser.add_argument("--runs", type=int, default=1, help="repeat the scenario N times in one network")
    parser.add_argument("--spokes", type=int, help="hub: number of spokes, 5 by default")
    parser.add_argument("--routes", type=int, help="full-table: number of routes, 100,000 by default")
    parser.add_argument("--both", action="store_true", help="daemon-kill: kill wgbfd's guardian too")
    parser.add_argument("--hold", default="12s", help="how long an impairment stands, 12s by default")
    parser.add_argument("--blocked", default="200s", help="rekey: how long no handshake passes, 200s by default")
    parser.add_argument("--tcp", action="store_true", help="beside the stream two TCP connections: small requests as ssh's, and 400 kB/s one way")
    parser.add_argument("--realtime", type=int, default=0, metavar="PRIORITY", help="run wgbfd or bfdd under chrt -f PRIORITY")
    parser.add_argument("--wireguard", choices=("auto", "kernel", "go"), default="auto")
    parser.add_argument("--json", action="store_true", help="print the result for machines")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write result.json, table.txt, picture.svg and the nodes' logs there (demo: out/demo)")
    parser.add_argument("--keep", action="store_true", help="afterwards leave the network standing until Ctrl-C")
    return parser.parse_args(arguments)


def _check_host():
    if os.geteuid() != 0:
        raise LabError("network namespaces need root: sudo lab/run …")
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        raise LabError(f"missing: {', '.join(missing)} (apt-get install iproute2 util-linux wireguard-tools nftables)")


def _run(options):
    if options.scenario == "demo" and not options.out:
        options.out = LAB.parent / "out/demo"
    modes = ("none", "stock", "wgbfd") if options.scenario == "demo" else (options.mode,)
    name = "cut" if options.scenario == "demo" else options.scenario
    every = [_settings(options, mode) for mode in modes]
    for settings in every:
        settings.check()
        settings.undo = "wgbfd" in settings.modes() and not options.keep
    topology = load(_topology_file(options.topology), options.spokes, options.routes)
    if not topology.cut:
        raise LabError(f"{topology.name}: no node says by lab.cut where the path is cut")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    results = []
    for settings in every:
        out = options.out / settings.mode if options.out else None
        results.append(_one_mode(topology, name, settings, out, options.keep))
    _tell(options, results)
    return 0


def _topology_file(name):
    path = Path(name) if name.endswith((".yml", ".yaml")) else LAB / f"topologies/{name}.clab.yml"
    if not path.is_file():
        raise LabError(f"no topology {name}: {', '.join(_topologies())}, or a path to a .clab.yml file")
    return path


def _topologies():
    return sorted(file.name.removesuffix(".clab.yml") for file in (LAB / "topologies").glob("*.clab.yml"))


def _settings(options, mode):
    return Settings(wgbfd=options.wgbfd.resolve(), mode=mode, far=options.far, feed=options.feed,
                    interval_us=parse_duration(options.interval), multiplier=options.multiplier, runs=options.runs,
                    realtime=options.realtime, wireguard=options.wireguard, both=options.both, tcp=options.tcp,
                    hold_s=parse_duration(options.hold) / 1e6, blocked_s=parse_duration(options.blocked) / 1e6)


def _one_mode(topology, name, settings, out, keep):
    """All runs of one scenario in one network: (document, the first run's Result)."""
    _progress(f"{topology.name} {name}, {report.HEADINGS[settings.mode]}: building {len(topology.nodes)} nodes")
    begun = time.monotonic()
    with Network(topology, settings, out) as network:
        _progress(f"ready after {time.monotonic() - begun:.1f} s")
        data, first = [], None
        if network.before:
            network.before.remember_rest()
        for number in range(settings.runs):
            try:
                result = scenario.run(network, name)
            except LabError as error:
                if keep:
                    _progress(f"failed: {error}")
                    _wait_for_interrupt(network)
                raise
            first = first or result
            data.append(report.run_as_data(result, network))
            _progress(f"run {number + 1} of {settings.runs}: lost {data[-1]['lost']}, longest gap {data[-1]['gap_at_cut_ms']} ms")
        document = report.document(topology, name, settings, network.kernel, data)
        if network.before:
            document["undo"] = {node: {"ended_by": how, "left": left} for node, (how, left) in network.before.end().items()}
        if keep:
            _wait_for_interrupt(network)
    return document, first


def _wait_for_interrupt(network):
    for node in network.nodes.values():
        _progress(f"{node.name}: nsenter -t {node.pid} -n -m -p -r")
    _progress("the network stands until Ctrl-C")
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass


def _tell(options, results):
    documents = [document for document, _ in results]
    table = report.table(documents)
    data = json.dumps(documents if options.scenario == "demo" else documents[0], indent=1)
    if options.out:
        (options.out / "result.json").write_text(data + "\n")
        (options.out / "table.txt").write_text(table)
        title = f"{documents[0]['topology']}: {documents[0]['scenario']} of the tunnel in use"
        (options.out / "picture.svg").write_text(picture.draw(results, title))
    print(data if options.json else table)
    if options.out:
        _progress(f"result.json, table.txt, picture.svg and logs are in {options.out}")


def _progress(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)
