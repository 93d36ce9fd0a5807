// How the doctor looks at the packet filter, routes, files and DNS. Every child and every dump has its time.
#include "cli/doctor_network.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "cli/bounded_command.hpp"
#include "cli/doctor_gather.hpp"
#include "io/timer.hpp"
#include "kernel/route_events.hpp"
#include "kernel/route_lookup.hpp"

namespace cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto filter_within = 2s;
constexpr auto routes_within = 3s;
constexpr auto watched_for = 1s;
constexpr std::size_t most_routes = 20'000, most_endpoints = 256;
const char* const wireguard_folder = "/etc/wireguard";
const char* const resolver_file = "/etc/resolv.conf";
const char* const stub_resolver = "127.0.0.53";  // systemd-resolved's: its own file has the real ones

std::string read_file(const fs::path& path) {
    std::ifstream in{path};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<fs::path> files_in(const fs::path& folder, std::string_view extension) {
    std::vector<fs::path> out;
    std::error_code error;
    for (fs::directory_iterator at{folder, error}, end; !error && at != end; at.increment(error))
        if (at->path().extension() == extension) out.push_back(at->path());
    std::ranges::sort(out);
    return out;
}

void gather_firewall(NetworkFacts& out) {
    const auto nft = run_bounded({"nft", "-a", "list", "ruleset"}, filter_within);
    if (nft) out.firewall = parse_nft(*nft);
    if (nft && out.firewall.foreign.empty()) return;
    const auto v4 = run_bounded({"iptables-save"}, filter_within);
    const auto v6 = run_bounded({"ip6tables-save"}, filter_within);
    if (v4) add_iptables(out.firewall, FilterChain::Tool::iptables, *v4);
    if (v6) add_iptables(out.firewall, FilterChain::Tool::ip6tables, *v6);
    std::erase_if(out.firewall.chains, [&](const FilterChain& chain) {
        return chain.tool == FilterChain::Tool::nft && out.firewall.foreign.contains(chain.family + ' ' + chain.table);
    });
    if (!nft && !v4) out.problems.push_back(nft.error() + "; " + v4.error());
}

// The mark of wg-quick's own socket is not asked with: a way through the tunnel itself says nothing.
void gather_underlays(const HostFacts& host, NetworkFacts& out) {
    std::size_t asked = 0;
    for (const auto& device : host.devices)
        for (const auto& peer : device.peers) {
            if (!peer.endpoint || ++asked > most_endpoints) continue;
            const auto way = kernel::route_to(peer.endpoint->address, std::nullopt, {});
            if (!way) continue;
            const auto link = std::ranges::find(host.links, way->ifindex, &adjacency::Link::index);
            if (link != host.links.end() && link->name != "lo")
                out.underlays.push_back({device.interface, *peer.endpoint, link->name, link->mtu});
        }
}

// All routes of the kernel, by the class the daemon uses.
class RouteLook {
public:
    explicit RouteLook(const HostFacts& host) {
        for (const auto& link : host.links)
            if (std::ranges::find(host.expected, link.name) != host.expected.end())
                tunnels_.emplace(link.index, link.name);
        for (const auto& link : host.links)
            if (link.vrf_table != 0) vrf_tables_.insert(link.vrf_table);
    }

    void run(NetworkFacts& out) {
        kernel::RouteEvents::Events events;
        events.on_begin = [this](bool) {
            routes_.clear();
            elsewhere_.clear();
            objects_.clear();
        };
        events.on_change = [this](const adjacency::RouteChange& change) { take(change); };
        events.on_settled = [] {};
        events.on_end = [this] {
            complete_ = true;
            context_.stop();
        };
        const kernel::RouteEvents look{context_, std::move(events), kernel::RouteEvents::default_receive_buffer,
                                       vrf_tables_};
        limit_.expire_after(routes_within);
        context_.run();
        out.routes.assign(routes_.begin(), routes_.end());
        out.elsewhere.assign(elsewhere_.begin(), elsewhere_.end());
        out.all_routes = complete_ && routes_.size() < most_routes && elsewhere_.size() < most_routes;
    }

private:
    void take(const adjacency::RouteChange& change) {
        using Kind = adjacency::RouteChange::Kind;
        if (change.kind == Kind::nexthop) objects_[change.nexthop] = change;
        if (change.kind != Kind::route) return;
        if (!add(change.prefix, change.nexthop, change.hops) && elsewhere_.size() < most_routes)
            elsewhere_.insert(change.prefix);
    }

    // False: it leads out of no tunnel.
    bool add(const base::Prefix& prefix, std::uint32_t object, const std::vector<adjacency::Hop>& hops) {
        bool is_tunnel = false;
        for (const auto& hop : hops) {
            const auto tunnel = tunnels_.find(hop.out);
            if (tunnel == tunnels_.end()) continue;
            is_tunnel = true;
            if (routes_.size() < most_routes) routes_.insert({tunnel->second, prefix, hop.gateway});
        }
        const auto found = objects_.find(object);
        if (object == 0 || found == objects_.end()) return is_tunnel;
        is_tunnel |= add(prefix, 0, found->second.hops);
        for (const auto member : found->second.members)
            if (const auto one = objects_.find(member); one != objects_.end())
                is_tunnel |= add(prefix, 0, one->second.hops);
        return is_tunnel;
    }

    boost::asio::io_context context_{1};
    io::Timer limit_{context_, [this] { context_.stop(); }};
    std::map<base::IfIndex, std::string> tunnels_;
    std::set<std::uint32_t> vrf_tables_;
    std::map<std::uint32_t, adjacency::RouteChange> objects_;
    std::set<TunnelRoute> routes_;
    std::set<base::Prefix> elsewhere_;
    bool complete_ = false;
};

// Open to everybody: the file, and each folder on the way to it.
SecretFile look_at(const fs::path& path, bool holds_key) {
    SecretFile out{.path = path.string(), .holds_key = holds_key};
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return out;
    out.readable = (found.st_mode & S_IROTH) != 0;
    out.writable = (found.st_mode & S_IWOTH) != 0;
    for (auto folder = path.parent_path(); folder.has_relative_path(); folder = folder.parent_path())
        if (::stat(folder.c_str(), &found) == 0 && (found.st_mode & S_IXOTH) == 0) out.readable = out.writable = false;
    return out;
}

void gather_files(NetworkFacts& out) {
    for (const auto& path : files_in(wireguard_folder, ".conf")) {
        const auto text = read_file(path);
        out.secrets.push_back(look_at(
            path, text.find("PrivateKey") != std::string::npos || text.find("PresharedKey") != std::string::npos));
        out.files.push_back(parse_wireguard_file(path.string(), text));
        for (const auto& key : out.files.back().key_files) out.secrets.push_back(look_at(key, true));
    }
    for (const auto& path : files_in("/etc/systemd/network", ".netdev"))
        if (const auto text = read_file(path); text.find("WireGuard") != std::string::npos)
            out.secrets.push_back(look_at(path, text.find("PrivateKey=") != std::string::npos ||
                                                    text.find("PresharedKey=") != std::string::npos));
    for (const auto& path : files_in("/etc/wgbfd", ".toml")) out.secrets.push_back(look_at(path, false));
}

void gather_dns(const std::string& file, NetworkFacts& out) {
    std::istringstream lines{read_file(file)};
    for (std::string line, word, text; std::getline(lines, line);) {
        std::istringstream in{line};
        if (!(in >> word >> text) || word != "nameserver") continue;
        if (text == stub_resolver && file == resolver_file) {
            gather_dns("/run/systemd/resolve/resolv.conf", out);
            continue;
        }
        const auto address = base::IpAddress::parse(text.substr(0, text.find('%')));
        if (!address || address->is_link_local()) continue;
        const auto way = kernel::route_to(*address, std::nullopt, {});
        out.dns.push_back({*address, file, way ? way->name : ""});
    }
}

using Bytes = std::map<std::pair<std::string, adjacency::PublicKey>, std::pair<std::uint64_t, std::uint64_t>>;

Bytes bytes_of(const HostFacts& host) {
    Bytes out;
    for (const auto& device : host.devices)
        for (const auto& peer : device.peers) out[{device.interface, peer.key}] = {peer.tx_bytes, peer.rx_bytes};
    return out;
}

// Two looks at the counters of groups that have a choice; hosts without one are not kept waiting.
void gather_usage(const DaemonFacts& daemon, NetworkFacts& out) {
    std::map<std::string, int> paths;
    for (const auto& path : daemon.paths) ++paths[path.group];
    if (std::ranges::none_of(paths, [](const auto& item) { return item.second > 1; })) return;
    const auto before = bytes_of(gather_host());
    std::this_thread::sleep_for(watched_for);
    const auto after = bytes_of(gather_host());
    for (const auto& path : daemon.paths) {
        const auto first = before.find({path.interface, path.peer}), second = after.find({path.interface, path.peer});
        if (first == before.end() || second == after.end()) continue;
        const auto [sent, received] = first->second;
        const auto [sent_now, received_now] = second->second;
        if (sent_now < sent || received_now < received) continue;  // made anew meanwhile
        out.usage.push_back(
            {path.name, path.interface, path.group, path.cost, sent_now - sent, received_now - received});
    }
}

bool is_on(const char* path) { return read_file(path).starts_with('1'); }

}  // namespace

NetworkFacts gather_network(const HostFacts& host, const DaemonFacts& daemon) {
    NetworkFacts out;
    gather_firewall(out);
    gather_underlays(host, out);
    try {
        RouteLook{host}.run(out);
    } catch (const std::system_error& error) {
        out.problems.push_back(std::string{"routes: "} + error.what());
    }
    gather_files(out);
    gather_dns(resolver_file, out);
    gather_usage(daemon, out);
    out.forwards = is_on("/proc/sys/net/ipv4/ip_forward") || is_on("/proc/sys/net/ipv6/conf/all/forwarding");
    return out;
}

}  // namespace cli
