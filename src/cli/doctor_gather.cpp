#include "cli/doctor_gather.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <cap-ng.h>
#include <boost/asio/io_context.hpp>

#include "bird/control.hpp"
#include "bird/include_file.hpp"
#include "bird/neighbors.hpp"
#include "daemon/load_config.hpp"
#include "daemon/worker.hpp"
#include "frr/neighbors.hpp"
#include "frr/vty.hpp"
#include "io/timer.hpp"
#include "kernel/links.hpp"
#include "kernel/rules.hpp"
#include "wireguard/devices.hpp"

namespace cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto look_at_most = 3s;
constexpr auto look_again_after = 50ms;
constexpr std::array routing_daemons{"bgpd", "ospfd", "ospf6d"};  // that the feed frr-vty may tell

std::string read_file(const fs::path& path) {
    std::ifstream in{path};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// "unix:/run/frr/x" to its path.
std::optional<fs::path> unix_path(const std::optional<std::string>& address) {
    if (!address || !address->starts_with("unix:")) return std::nullopt;
    return fs::path{address->substr(5)};
}

// Exists, or lies where we may not look.
bool refused(const fs::path& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0 && (errno == EACCES || errno == EPERM);
}

PermissionFacts gather_permission(const config::Config& config, const HostFacts& host, const std::string& vty) {
    PermissionFacts out;
    ::capng_get_caps_process();
    out.net_admin = ::capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) != 0;
    out.net_raw = ::capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW) != 0;
    std::vector<fs::path> sockets;
    if (const auto path = unix_path(config.frr.bfd_dataplane)) sockets.push_back(*path);
    if (!vty.empty()) sockets.push_back(fs::path{vty} / "zebra.vty");
    if (has_feed(config, "bird-protocol") || has_feed(config, "bird-include"))
        sockets.emplace_back(config.bird.control);
    if (!vty.empty() && has_feed(config, "frr-vty"))
        for (const auto* daemon : routing_daemons) sockets.push_back(fs::path{vty} / (std::string{daemon} + ".vty"));
    for (const auto& link : host.links)
        if (link.kind != "wireguard")
            sockets.push_back(fs::path{wireguard::Devices::default_uapi_folder} / (link.name + ".sock"));
    for (const auto& path : sockets)
        if (refused(path)) out.unreadable.push_back(path.string());
    return out;
}

std::vector<PortFacts> gather_ports() {
    std::vector<PortFacts> out;
    for (const std::uint16_t port : {std::uint16_t{3784}, std::uint16_t{4784}})
        out.push_back({port, wgbfd::udp_port_taken(port), wgbfd::owners_of_udp_port(port)});
    return out;
}

VtyFacts gather_vty(const config::Config& config) {
    VtyFacts out;
    out.configured = config.frr.vty.has_value();
    out.directory = config.frr.vty.value_or(is_there("/run/frr") ? "/run/frr" : "");
    if (out.directory.empty()) return out;
    if (has_feed(config, "frr-vty"))
        for (const auto* daemon : routing_daemons)
            out.configurations.emplace(daemon, frr::vty_read(out.directory, daemon, "show running-config"));
    out.version = frr::vty_read(out.directory, "zebra", "show version");
    if (!*out.version) {
        // Who feeds link needs to hear that nobody listens; without FRR on the host there is nobody to be told.
        if (out.configured) out.interfaces = tl::unexpected{out.version->error()};
        return out;
    }
    const auto text = frr::vty_read(out.directory, "zebra", "show interface json");
    if (text)
        out.interfaces = frr::parse_interfaces(*text);
    else
        out.interfaces = tl::unexpected{text.error()};
    return out;
}

ZebraFacts gather_zebra(const config::Config& config, const std::string& vty) {
    ZebraFacts out;
    if (!config.frr.fpm) return out;
    out.running = wgbfd::processes_named("zebra");
    out.enabled = wgbfd::read_frr_daemons();
    if (vty.empty()) return out;
    if (auto text = frr::vty_read(vty, "zebra", "show running-config")) out.running_config = std::move(*text);
    return out;
}

BirdFacts gather_bird(const config::Config& config) {
    BirdFacts out;
    out.control = config.bird.control;
    if (auto tables = kernel::tables_of_rules()) out.looked_up = std::move(*tables);
    out.include_exists = config.bird.include && is_there(*config.bird.include);
    const auto feeds = {"bird-nexthop", "bird-protocol", "bird-include"};
    if (std::ranges::none_of(feeds, [&](const char* feed) { return has_feed(config, feed); })) return out;
    const auto version = bird::ask_version(out.control);
    if (!version) {
        out.version = tl::unexpected{version.error().text};
        return out;
    }
    out.version = to_string(*version);
    if (const auto reply = bird::ask(out.control, "show protocols all")) out.protocols = bird::parse_protocols(*reply);
    if (const auto reply = bird::ask(out.control, std::string{"eval "} + bird::content_name))
        out.include_read = reply->ok();
    return out;
}

// Where the configuration lets the daemon ask, so that both find the same addresses.
std::vector<adjacency::Neighbor> gather_neighbors(const config::Config& config) {
    auto all = config.frr.vty ? frr::vty_neighbors(*config.frr.vty) : std::vector<adjacency::Neighbor>{};
    if (!config.bird.present) return all;
    const auto more = bird::control_neighbors(config.bird.control);
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

// One look at links and WireGuard devices, each through the class the daemon uses.
class Look {
public:
    void run(HostFacts& out) {
        links_.emplace(context_, [this](std::vector<adjacency::Link> links) {
            found_links_ = std::move(links);
            devices_.on_links(found_links_);
            seen_links_ = true;
        });
        again_.expire_after(look_again_after);
        limit_.expire_after(look_at_most);
        context_.run();
        out.links = found_links_;
        out.devices = found_devices_;
        out.expected = expected();
        out.problems = problems();
    }

private:
    std::vector<std::string> expected() const {
        std::vector<std::string> names;
        for (const auto& link : found_links_)
            if (link.kind == "wireguard" ||
                is_there(fs::path{wireguard::Devices::default_uapi_folder} / (link.name + ".sock")))
                names.push_back(link.name);
        return names;
    }

    bool answered(const std::string& name) const {
        for (const auto& device : found_devices_)
            if (device.interface == name) return true;
        for (const auto& problem : devices_.problems())
            if (problem.starts_with(name + ": ")) return true;
        return false;
    }

    void check_done() {
        bool done = seen_links_;
        for (const auto& name : expected()) done = done && answered(name);
        if (done) return context_.stop();
        again_.expire_after(look_again_after);
    }

    std::vector<std::string> problems() const {
        auto out = devices_.problems();
        if (!seen_links_) out.emplace_back("the kernel does not list this host's interfaces");
        for (const auto& name : expected())
            if (!answered(name)) out.push_back(name + ": no answer within 3 s");
        return out;
    }

    boost::asio::io_context context_{1};
    std::vector<adjacency::Link> found_links_;
    std::vector<adjacency::Device> found_devices_;
    bool seen_links_ = false;
    wireguard::Devices devices_{
        context_, [this](std::vector<adjacency::Device> devices) { found_devices_ = std::move(devices); }};
    std::optional<kernel::Links> links_;
    io::Timer again_{context_, [this] { check_done(); }};
    io::Timer limit_{context_, [this] { context_.stop(); }};
};

void read_settings(HostFacts& out) {
    std::vector<std::string> names = out.expected;
    names.emplace_back("all");
    for (const auto& name : names) {
        int value = 0;
        std::istringstream{read_file(fs::path{"/proc/sys/net/ipv4/conf"} / name / "rp_filter")} >> value;
        out.rp_filter[name] = value;
    }
    for (const auto* const family : {"ipv4", "ipv6"}) {
        int value = 0;
        std::istringstream{read_file(fs::path{"/proc/sys/net"} / family / "fib_multipath_hash_policy")} >> value;
        out.hash_policy[family] = value;
    }
}

}  // namespace

bool is_there(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
}

BfddFacts gather_bfdd(const config::Config& config) {
    BfddFacts out{wgbfd::processes_named("bfdd"), wgbfd::read_frr_daemons(), {}};
    if (const auto path = unix_path(config.frr.bfd_dataplane); path && !refused(*path))
        out.socket_exists = is_there(*path);
    return out;
}

ConfigFacts gather_config(const Options& options) {
    ConfigFacts out;
    try {
        const auto path = options.config();
        if (!path) return out;
        out.file = path->string();
        out.config = wgbfd::load_config(*path);
    } catch (const std::runtime_error& error) {
        std::istringstream lines{error.what()};
        for (std::string line; std::getline(lines, line);) out.errors.push_back(line);
    }
    return out;
}

HostFacts gather_host() {
    HostFacts out;
    try {
        Look{}.run(out);
    } catch (const std::runtime_error& error) {
        out.problems.emplace_back(error.what());
    }
    read_settings(out);
    return out;
}

DoctorFacts gather(const Options& options) {
    DoctorFacts out;
    out.config = gather_config(options);
    const auto& config = out.config.config;
    out.daemon = gather_daemon(options.run_dir());
    out.ports = gather_ports();
    out.bfdd = gather_bfdd(config);
    out.vty = gather_vty(config);
    out.zebra = gather_zebra(config, out.vty.directory);
    out.bird = gather_bird(config);
    out.host = gather_host();
    out.host.neighbors = gather_neighbors(config);
    out.network = gather_network(out.host, out.daemon);
    out.now = wgbfd::clock_now().wall;
    out.permission = gather_permission(config, out.host, out.vty.directory);
    return out;
}

}  // namespace cli
