// [frr]: where bfdd listens for its data plane (as its own --dplaneaddr says it), where the vty sockets are, and where
// we listen for zebra's FPM stream.
#include <algorithm>
#include <array>
#include <string_view>

#include "config/feeders.hpp"
#include "config/places.hpp"
#include "config/tables.hpp"

namespace config {

namespace {

using namespace std::string_view_literals;

constexpr std::array frr_keys{"bfd_dataplane"sv, "vty"sv, "fpm"sv};
constexpr std::size_t longest_dataplane = 63;  // bfdd cuts longer ones
constexpr std::size_t longest_vty = 90;        // leaves room in a socket address for "/ospf6d.vty"

bool is_path(std::string_view text) { return text.starts_with('/') && text.find('\0') == std::string_view::npos; }

// Empty: fine. Else what is wrong.
std::string problem_of_dataplane(std::string_view text) {
    const auto colon = text.find(':');
    const auto type = text.substr(0, colon);
    const auto rest = colon == std::string_view::npos ? ""sv : text.substr(colon + 1);
    constexpr std::array client_types{"unixc"sv, "ipv4c"sv, "ipv6c"sv};
    if (std::ranges::find(client_types, type) != client_types.end() && colon != std::string_view::npos)
        return "makes bfdd the client, which fails before FRR 10.1: write " + quoted(type.substr(0, 4)) +
               " without the c, here and in bfdd's --dplaneaddr";
    if (text.size() > longest_dataplane)
        return "is longer than 63 characters, which bfdd cuts off: choose a shorter path";
    if (type == "unix" && colon != std::string_view::npos)
        return is_path(rest) && rest.size() > 1 ? "" : "needs an absolute path: write \"unix:/run/frr/bfddp.sock\"";
    if (type == "ipv4" && colon != std::string_view::npos)
        return is_ipv4_place(rest) ? ""
                                   : "must be \"ipv4:A.B.C.D\" or \"ipv4:A.B.C.D:PORT\", with a port from 1 to 65534";
    if (type == "ipv6" && colon != std::string_view::npos)
        return is_ipv6_place(rest) ? ""
                                   : "must be \"ipv6:[X::Y]\" or \"ipv6:[X::Y]:PORT\", with a port from 1 to 65534";
    return "must start with unix:, ipv4: or ipv6:, as bfdd's --dplaneaddr does: write \"unix:/run/frr/bfddp.sock\"";
}

// zebra's default.
constexpr std::string_view fpm_port = ":2620";

void read_fpm(const Table& table, Frr& out, Report& report) {
    out.fpm = string_at(table, "fpm", report);
    if (!out.fpm) return;
    const auto fail = [&](const std::string& why) {
        report.add(find(table, "fpm")->node.place, "fpm " + quoted(*out.fpm) + " " + why);
    };
    if (!is_ipv4_place(*out.fpm) && !is_ipv6_place(*out.fpm))
        return fail("must be an address of this host, with a port or without: write \"127.0.0.1:2620\"");
    // Whoever can connect can make us believe anything of the routes: no address that all the world reaches.
    if (is_any_address(*out.fpm))
        return fail("would take anybody's routes: write the address that zebra connects to, \"127.0.0.1:2620\"");
    if (!has_port(*out.fpm)) out.fpm->append(fpm_port);
}

}  // namespace

Frr read_frr(const Table& table, Report& report) {
    refuse_unknown(table, {"in [frr]", frr_keys}, report);
    Frr out;
    out.bfd_dataplane = string_at(table, "bfd_dataplane", report);
    if (out.bfd_dataplane)
        if (const auto problem = problem_of_dataplane(*out.bfd_dataplane); !problem.empty())
            report.add(find(table, "bfd_dataplane")->node.place,
                       "bfd_dataplane " + quoted(*out.bfd_dataplane) + " " + problem);
    out.vty = string_at(table, "vty", report);
    if (out.vty && (!is_path(*out.vty) || out.vty->size() > longest_vty))
        report.add(
            find(table, "vty")->node.place,
            "vty " + quoted(*out.vty) + " must be an absolute path of at most 90 characters, such as \"/run/frr\"");
    read_fpm(table, out, report);
    return out;
}

void check_frr_feeds(const Table& root, const Config& config, Report& report) {
    if (config.frr.vty) return;
    for_each_feeder(root, [&](const Table& table, bool) {
        if (const auto place = place_of_feed(table, "frr-vty"))
            report.add(*place, "the feed \"frr-vty\" needs FRR's vty sockets: write vty = \"/run/frr\" into [frr]");
    });
}

}  // namespace config
