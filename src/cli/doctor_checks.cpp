// Checks of the host itself: configuration, permission, the daemon, ports, WireGuard, the kernel's filters.
#include "cli/doctor_checks.hpp"

#include <algorithm>

namespace cli {
namespace {

std::string described(const wgbfd::ProcessInfo& process) {
    return process.name + " (pid " + std::to_string(process.pid) + ")";
}

std::string list(const std::vector<std::string>& all) {
    std::string out;
    for (const auto& one : all) out += (out.empty() ? "" : ", ") + one;
    return out;
}

// How to free a BFD port, by the name of who holds it.
std::string freeing(const std::string& owner) {
    if (owner == "bfdd")
        return "add --dplaneaddr unix:/run/frr/bfddp.sock to bfdd_options in /etc/frr/daemons, set [frr] bfd_dataplane "
               "to the same address, and restart FRR";
    if (owner == "bird")
        return "remove protocol bfd from BIRD's configuration, or give BIRD strict bind and wgbfd [probe] bind = "
               "\"addresses\"";
    if (owner == "wgbfd") return "stop that wgbfd, or name its --run-dir to this command if it is the one you mean";
    return "stop it: no two programs can own BFD's ports";
}

}  // namespace

Findings check_config(const ConfigFacts& facts) {
    if (facts.errors.empty()) {
        const bool none = facts.file.empty();
        return {{"config", Severity::ok, facts.file,
                 none ? "no configuration: every peer that resolves is probed, nothing is fed" : "is good", ""}};
    }
    Findings out;
    for (const auto& error : facts.errors)
        out.push_back({"config", Severity::error, "", error, "change that line; 'wgbfd check' reads the file again"});
    return out;
}

Findings check_permission(const PermissionFacts& facts) {
    Findings out;
    std::vector<std::string> missing;
    if (!facts.net_admin) missing.emplace_back("CAP_NET_ADMIN");
    if (!facts.net_raw) missing.emplace_back("CAP_NET_RAW");
    if (!missing.empty())
        out.push_back({"permission", Severity::error, "", "missing here: " + list(missing),
                       "run as root, or give the service these capabilities (AmbientCapabilities=)"});
    for (const auto& path : facts.unreadable)
        out.push_back({"permission", Severity::error, path, "permission denied",
                       "run as root, or let this user read and write it"});
    if (out.empty()) out.push_back({"permission", Severity::ok, "", "all that is needed", ""});
    return out;
}

Findings check_daemon(const DaemonFacts& facts) {
    Findings out;
    const auto add = [&](Severity severity, std::string message, std::string fix) {
        out.push_back({"daemon", severity, facts.run_dir, std::move(message), std::move(fix)});
    };
    if (facts.answers != 0)
        add(Severity::ok, "runs (pid " + std::to_string(facts.answers) + ")", "");
    else if (facts.lock_holder)
        add(Severity::error,
            "held by " +
                (*facts.lock_holder == 0 ? std::string{"a process we cannot see"}
                                         : "process " + std::to_string(*facts.lock_holder)) +
                ", which does not answer",
            "end that process and start wgbfd again, or give another daemon its own --run-dir");
    else
        add(Severity::ok, "no daemon runs here", "");
    for (const auto& problem : facts.problems)
        add(Severity::warning, "the daemon tells: " + problem, "see what it says");
    if (facts.answers != 0 && !facts.frr_lines.empty())
        out.push_back(
            {"daemon", Severity::warning, "frr-vty",
             "holds lines of FRR's running configuration, and a `write` now would save them: " + list(facts.frr_lines),
             "'write' once the peers are back, or after 'systemctl stop wgbfd'; once more if it was saved"});
    if (facts.answers == 0 && !facts.lock_holder)
        for (const auto& interface : facts.left_over)
            out.push_back({"daemon", Severity::warning, interface, "an ended daemon left it changed",
                           "start wgbfd, which takes it over, or 'wgbfd undo', which puts it back"});
    return out;
}

// A daemon's sockets are its worker's and its guardian's, who holds the lock.
Findings check_ports(const std::vector<PortFacts>& ports, const DaemonFacts& daemon, config::Bind bind) {
    Findings out;
    const auto is_daemon = [&](pid_t pid) {
        return pid != 0 && (pid == daemon.answers || pid == daemon.lock_holder.value_or(0));
    };
    for (const auto& port : ports) {
        const auto subject = "UDP " + std::to_string(port.port);
        std::vector<std::string> others;
        std::string first;
        for (const auto& owner : port.owners) {
            if (is_daemon(owner.pid) || is_daemon(owner.parent)) continue;
            if (first.empty()) first = owner.name;
            others.push_back(described(owner));
        }
        const bool ours = !port.owners.empty() && others.empty();
        if (!port.taken || ours) {
            out.push_back({"ports", Severity::ok, subject, ours ? "is our daemon's" : "is free", ""});
            continue;
        }
        const auto who = "is held by " + (others.empty() ? "a process we cannot see" : list(others));
        if (bind == config::Bind::addresses)
            out.push_back({"ports", Severity::ok, subject, who + "; bind = \"addresses\" may share it", ""});
        else
            out.push_back({"ports", Severity::error, subject, who, freeing(first)});
    }
    return out;
}

Findings check_wireguard(const HostFacts& facts) {
    Findings out;
    for (const auto& problem : facts.problems) {
        const auto colon = problem.find(": ");
        const bool named = colon != std::string::npos;
        out.push_back({"wireguard", Severity::error, named ? problem.substr(0, colon) : "",
                       named ? problem.substr(colon + 2) : problem,
                       "see to it that 'wg show' lists its peers, as root"});
    }
    for (const auto& link : facts.links)
        if (!link.up && std::ranges::find(facts.expected, link.name) != facts.expected.end())
            out.push_back({"wireguard", Severity::warning, link.name, "is down", "ip link set " + link.name + " up"});
    for (const auto& device : facts.devices)
        if (device.peers.empty())
            out.push_back({"wireguard", Severity::warning, device.interface, "has no peer",
                           "wg set " + device.interface + " peer KEY allowed-ips PREFIX endpoint ADDRESS:PORT"});
        else
            out.push_back({"wireguard", Severity::ok, device.interface,
                           "peers read: " + std::to_string(device.peers.size()), ""});
    if (out.empty())
        out.push_back({"wireguard", Severity::warning, "", "no WireGuard interface in this network namespace",
                       "create one (wg-quick up, or systemd-networkd), or run wgbfd where they are"});
    return out;
}

// The kernel takes the greater of `all` and the interface's own value, so 2 (loose) helps whatever `all` is.
Findings check_rp_filter(const HostFacts& facts) {
    Findings out;
    const auto value_of = [&](const std::string& name) {
        const auto found = facts.rp_filter.find(name);
        return found == facts.rp_filter.end() ? 0 : found->second;
    };
    for (const auto& interface : facts.expected) {
        if (std::max(value_of("all"), value_of(interface)) != 1) continue;
        const auto key = "net.ipv4.conf." + interface + ".rp_filter";
        out.push_back({"rp_filter", Severity::warning, interface,
                       "strict: what arrives here while the way back leads elsewhere (a failover, unequal paths) is "
                       "dropped",
                       "sysctl -w " + key + "=2, and the same line in /etc/sysctl.d (0 instead needs " +
                           "net.ipv4.conf.all.rp_filter=0 too)"});
    }
    if (out.empty()) out.push_back({"rp_filter", Severity::ok, "", "strict on no WireGuard interface", ""});
    return out;
}

Findings check_all(const DoctorFacts& facts) {
    Findings out;
    const auto add = [&](Findings more) {
        out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    const auto& config = facts.config.config;
    add(check_config(facts.config));
    add(check_permission(facts.permission));
    add(check_daemon(facts.daemon));
    add(check_ports(facts.ports, facts.daemon, config.bind));
    add(check_bfdd(facts.bfdd, config.frr.bfd_dataplane));
    add(check_frr_version(facts.vty));
    add(check_link_detect(facts.vty, config));
    add(check_fpm(facts.zebra, config.frr.fpm));
    add(check_frr_vty(facts.vty, config));
    add(check_bird(facts.bird, config));
    add(check_wireguard(facts.host));
    add(check_addresses(facts.host, config));
    add(check_allowed_ips(facts.host, config));
    add(check_nexthops(facts.host, config));
    add(check_rp_filter(facts.host));
    add(check_padding(facts.host, config));
    add(check_groups(facts.host, config, facts.daemon));
    add(check_overlap(facts.network, facts.host, config));
    add(check_routes(facts.network, facts.host, config));
    add(check_firewall(facts.network, facts.host, config));
    add(check_input(facts.network, facts.host, config));
    add(check_mtu(facts.network, facts.host));
    add(check_dns(facts.network, facts.host, facts.now));
    add(check_files(facts.network));
    add(check_directions(facts.network));
    return out;
}

}  // namespace cli
