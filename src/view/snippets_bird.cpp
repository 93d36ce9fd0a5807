// `wgbfd snippets bird`.
#include <algorithm>

#include <fmt/format.h>

#include "adjacency/adjacency.hpp"
#include "view/snippets.hpp"
#include "view/text.hpp"

namespace view {

namespace {

constexpr std::uint32_t example_as = 65001;

std::string word(std::string_view text) { return printable(clean(text)); }

std::string protocol_name(std::string_view name) {
    std::string out = "to_";
    for (const char c : name)
        out += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c : '_';
    return out;
}

std::string constant(const FoundPeer& peer, std::string_view what) { return adjacency::bird_constant(peer.name, what); }

// Names that differ in what BIRD does not allow would be one: the number keeps them apart.
std::string own_name(const FoundPeer& peer, std::size_t number) {
    return protocol_name(peer.name) + "_" + std::to_string(number);
}

// A route carries the worst of its way: of the classes first … last the greatest stays.
std::string tell_function(std::string_view what, unsigned first, unsigned last) {
    auto out = fmt::format(
        "function tell_{}(int tunnel) {{\n    if tunnel > 0 then bgp_community.add((64511, tunnel));\n", what);
    for (auto worst = first + 1; worst <= last; ++worst)
        out += fmt::format("    if bgp_community ~ [(64511, {})] then bgp_community.delete([(64511, {}..{})]);\n",
                           worst, first, worst - 1);
    return out + "}\n\n";
}

std::string bird_includes(const Found& found) {
    if (!found.include) return {};
    const auto file = word(*found.include);
    return fmt::format(
               "# wgbfd's constants. BIRD does not start without the file: `wgbfd run` writes it, and before that\n"
               "#   wgbfd snippets bird-include > {0}\n"
               "include \"{0}\";\n\n# dn42's communities: a route carries the worst of its way.\n",
               file) +
           tell_function("latency", 1, 9) + tell_function("loss", 91, 94);
}

std::string bird_filters(const FoundPeer& peer, const std::string& name) {
    const auto communities =
        fmt::format("    tell_latency({});\n    tell_loss({});\n", constant(peer, "latency"), constant(peer, "loss"));
    return fmt::format(
        "filter from_{0} {{\n    reject;    # your own conditions in its place\n{1}    bgp_local_pref = {2};\n    "
        "accept;\n}}\n\n"
        "filter {0}_gets {{\n    reject;    # your own conditions in its place\n{1}    accept;\n}}\n\n",
        name, communities, constant(peer, "local_pref"));
}

// `own`: what the channel has before its filters.
std::string bird_channel(const FoundPeer& peer, const std::string& name, int family, std::string_view own) {
    const auto filters =
        peer.has_constants
            ? fmt::format(
                  "        import table on;\n        import filter from_{0};\n        export filter {0}_gets;\n", name)
            : std::string{"        import none;\n        export none;\n"};
    return fmt::format("    ipv{} {{\n{}{}    }};\n", family, own, filters);
}

std::string bird_protocol(const FoundPeer& peer, std::size_t number) {
    const auto name = own_name(peer, number);
    const bool v6 = peer.addresses->remote.is_v6(), by_link = is_link_local(peer);
    const auto zone = by_link ? " % '" + word(peer.interface) + "'" : std::string{};
    const auto lookup = by_link
                            ? std::string{}
                            : fmt::format("        igp table nexthops{};\n        gateway recursive;\n", v6 ? 6 : 4);
    return (peer.has_constants ? bird_filters(peer, name) : std::string{}) +
           fmt::format("protocol bgp {} from tunnel {{    # {}\n    neighbor {}{} external;\n    source address {};\n",
                       name, word(peer.name), to_string(peer.addresses->remote), zone,
                       to_string(peer.addresses->local)) +
           bird_channel(peer, name, v6 ? 6 : 4, lookup) +
           (by_link ? bird_channel(peer, name, 4, "        extended next hop on;\n") : std::string{}) + "}\n\n";
}

std::string bird_learns(const Found& found, char family) {
    return fmt::format(
        "protocol kernel nexthops{0}_wgbfd {{\n    kernel table {1};\n    learn;\n    ipv{0} {{\n        table "
        "nexthops{0};\n"
        "        import filter {{\n            if krt_source != {2} then reject;    # wgbfd's routes alone\n"
        "            preference = 250;                   # before `direct`\n"
        "            igp_metric = krt_metric;            # the cost\n            accept;\n        }};\n"
        "        export none;\n    }};\n}}\n\n",
        family, proposed_table, found.route_protocol);
}

// `direct` beside our table: what is not in ours is reached as if wgbfd had never run.
std::string bird_tables(const Found& found) {
    std::string interfaces;
    for (const auto& peer : found.peers)
        if (const auto name = fmt::format("\"{}\"", word(peer.interface)); interfaces.find(name) == std::string::npos)
            interfaces += (interfaces.empty() ? "" : ", ") + name;
    if (interfaces.empty()) return {};
    return "ipv4 table nexthops4;\nipv6 table nexthops6;\n\n"
           "protocol direct nexthops_direct {\n    ipv4 {\n        table nexthops4;\n    };\n    ipv6 {\n        table "
           "nexthops6;\n    };\n    interface " +
           interfaces + ";\n}\n\n" + bird_learns(found, '4') + bird_learns(found, '6');
}

}  // namespace

std::string bird_snippet(const Found& found) {
    std::string out =
        "# BIRD's side, for the peers found here: BGP whose next hops are resolved in a table that wgbfd keeps (its "
        "feed\n"
        "# bird-nexthop). On a host that runs wgbfd leave `protocol bfd` and `bfd on` out: both want UDP 3784.\n"
        "# Over link-local addresses BIRD asks no table: give that peer the feed bird-include, or bird-protocol and "
        "its\n"
        "# protocol's name.\n"
        "# `import none` and `export none` pass nothing until you write your filters there, and a protocol kernel.\n\n"
        "router id 10.255.0.1;    # an example: write your own\n\n"
        "protocol device {\n}\n\n" +
        bird_includes(found) + bird_tables(found) + "template bgp tunnel {\n" +
        fmt::format("    local as {};       # an example: write your own\n", example_as) +
        "    direct;\n    error wait time 1, 5;\n    connect delay time 1;\n}\n\n";
    std::size_t number = 0;
    for (const auto& peer : found.peers) {
        ++number;
        if (peer.addresses)
            out += bird_protocol(peer, number);
        else
            out += fmt::format("# {}: no address found in the tunnel ({})\n\n", word(peer.name),
                               to_string(peer.addresses.error().step));
    }
    while (out.ends_with("\n\n")) out.pop_back();
    return out;
}

}  // namespace view
