// `wgbfd init` and `wgbfd snippets`: look at this host, and print what it wants. They change nothing.
#include <algorithm>
#include <iostream>
#include <stdexcept>

#include "bird/desired_include.hpp"
#include "bird/include_feed.hpp"
#include "bird/neighbors.hpp"
#include "cli/commands.hpp"
#include "cli/doctor_gather.hpp"
#include "cli/options.hpp"
#include "cli/peers.hpp"
#include "daemon/load_config.hpp"
#include "daemon/worker.hpp"
#include "frr/dataplane_address.hpp"
#include "frr/neighbors.hpp"
#include "frr/vty.hpp"
#include "kernel/host_route.hpp"
#include "view/snippets.hpp"

namespace cli {
namespace {

namespace po = boost::program_options;

// Of one bfdd, running or to be started: its data plane, where it names one that wgbfd can connect to.
void note_bfdd(view::FoundFrr& out, const BfddFacts& facts) {
    if (!facts.running.empty()) {
        out.bfdd = true;
        out.dplane = data_plane_of(facts.running.front().arguments);
    } else if (facts.enabled && facts.enabled->bfdd) {
        out.bfdd = true;
        out.dplane = data_plane_of(words_of(facts.enabled->bfdd_options));
    }
    if (out.dplane && !frr::parse_dataplane_address(*out.dplane)) out.dplane.reset();
}

std::optional<view::FoundFrr> find_frr(const config::Config& config) {
    view::FoundFrr out;
    out.directory = config.frr.vty.value_or("/run/frr");
    const auto bfdd = gather_bfdd(config);
    if (!is_there(std::filesystem::path{out.directory} / "zebra.vty") && bfdd.running.empty()) return std::nullopt;
    note_bfdd(out, bfdd);
    if (const auto text = frr::vty_read(out.directory, "zebra", "show version"))
        if (const auto version = frr::parse_version(*text)) out.version = to_string(*version);
    if (const auto text = frr::vty_read(out.directory, "bgpd", "show bgp summary json"))
        out.local_as = frr::parse_local_as(*text);
    return out;
}

view::Found discover(const config::Config& config) {
    view::Found out;
    out.include = config.bird.include;
    auto host = gather_host();
    out.problems = host.problems;
    out.frr = find_frr(config);
    out.bird = !wgbfd::processes_named("bird").empty();
    out.route_protocol = kernel::our_protocol;
    std::vector<adjacency::Neighbor> bgp;
    if (out.frr) {
        bgp = frr::vty_neighbors(out.frr->directory, frr::NeighborSource::bgp);
        host.neighbors = frr::vty_neighbors(out.frr->directory);
    }
    if (out.bird) {
        const auto more = bird::control_neighbors(config.bird.control);
        host.neighbors.insert(host.neighbors.end(), more.begin(), more.end());
    }
    const auto peers = peers_of(host, config);
    const auto addresses = resolve_all(peers, host);
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const auto& seen = peers[i];
        const bool known =
            addresses[i] && std::ranges::any_of(bgp, [&](const adjacency::Neighbor& neighbor) {
                return neighbor.remote == addresses[i]->remote && interface_of(neighbor, host.links) == seen.link.name;
            });
        out.peers.push_back({.name = seen.name,
                             .interface = seen.link.name,
                             .key = seen.peer.key,
                             .addresses = addresses[i],
                             .has_endpoint = seen.peer.endpoint.has_value(),
                             .bgp = known,
                             .has_constants = seen.configured != nullptr && seen.configured->name &&
                                              has_feed(config, *seen.configured, bird::include_feed)});
    }
    return out;
}

int print_include(const config::Config& config) {
    if (!config.bird.include)
        throw std::runtime_error{"snippets: write include = \"/etc/bird/wgbfd.conf\" into [bird] first"};
    std::cout << bird::render(bird::desired_include(wgbfd::include_entries(config), {}).defines) << std::flush;
    return ok;
}

}  // namespace

int init(const Arguments& arguments) {
    Options options{"init",
                    "wgbfd init: prints a whole configuration for this host, from what it finds; writes nothing."};
    if (!options.parse(arguments)) return ok;
    std::cout << view::init_config(discover({})) << std::flush;
    return ok;
}

int snippets(const Arguments& arguments) {
    Options options{
        "snippets",
        "wgbfd snippets frr|bird: prints the routing daemon's side for the peers of this host; writes nothing.\n"
        "wgbfd snippets bird-include: prints the file that BIRD includes, before the daemon has ever run."};
    options.add()("daemon", po::value<std::string>()->value_name("frr|bird|bird-include"),
                  "the routing daemon, or its include");
    options.positional("daemon", 1);
    if (!options.parse(arguments)) return ok;
    const auto daemon = options.text("daemon").value_or("");
    if (daemon != "frr" && daemon != "bird" && daemon != "bird-include")
        throw UsageError{"snippets: say frr, bird or bird-include; see 'wgbfd snippets --help'"};
    const auto path = options.config();
    const auto config = path ? wgbfd::load_config(*path) : config::Config{};
    if (daemon == "bird-include") return print_include(config);
    const auto found = discover(config);
    std::cout << (daemon == "frr" ? view::frr_snippet(found) : view::bird_snippet(found)) << std::flush;
    return ok;
}

}  // namespace cli
