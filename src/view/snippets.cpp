// `wgbfd init`: the configuration of wgbfd itself.
#include "view/snippets.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "view/text.hpp"

namespace view {

namespace {

// A basic string of TOML.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : clean(text)) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + '"';
}

// In a comment nothing may end the line.
std::string remark(std::string_view text) { return printable(clean(text)); }

std::string count(std::size_t n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

std::vector<std::string> interfaces_of(const Found& found) {
    std::vector<std::string> out;
    for (const auto& peer : found.peers)
        if (std::ranges::find(out, peer.interface) == out.end()) out.push_back(peer.interface);
    return out;
}

std::size_t peers_on(const Found& found, const std::string& interface) {
    return static_cast<std::size_t>(std::ranges::count(found.peers, interface, &FoundPeer::interface));
}

std::string heading(const Found& found) {
    std::string out =
        fmt::format("# wgbfd for this host, from what `wgbfd init` found: {} on {}, {}, {}.\n",
                    count(found.peers.size(), "WireGuard peer"), count(interfaces_of(found).size(), "interface"),
                    !found.frr                   ? "no FRR"
                    : found.frr->version.empty() ? "FRR"
                                                 : "FRR " + remark(found.frr->version),
                    found.bird ? "BIRD" : "no BIRD");
    for (const auto& problem : found.problems) out += "# Could not look: " + remark(problem) + "\n";
    return out +
           "# Keep it as /etc/wgbfd/wgbfd.toml; `wgbfd check FILE` reads it, `wgbfd doctor` looks at the host beside "
           "it.\n\n";
}

std::string probe_table() {
    return "# Every peer is sent a packet each 50 ms, and is down when 3 in a row are missing. A peer that asks for a "
           "slower\n"
           "# pace gets it; one that was never up changes nothing. 10 ms is for in-kernel WireGuard alone.\n"
           "[probe]\ninterval = \"50ms\"\nmultiplier = 3\n\n";
}

std::string dataplane_of(const FoundFrr& frr) {
    if (frr.dplane)
        return "# bfdd hands its sessions over here (its --dplaneaddr): `neighbor X bfd` uses the sessions of wgbfd.\n"
               "bfd_dataplane = " +
               quoted(*frr.dplane) + "\n";
    const std::string line = fmt::format("bfd_dataplane = {}\n", quoted(proposed_dataplane));
    const std::string daemons =
        fmt::format("#   bfdd=yes\n#   bfdd_options=\"   -A 127.0.0.1 --dplaneaddr {}\"\n", proposed_dataplane);
    if (frr.bfdd)
        return "# bfdd has no --dplaneaddr yet, and wgbfd does not start beside it: both want UDP 3784. Write this "
               "into\n"
               "# /etc/frr/daemons and restart FRR first:\n" +
               daemons + line;
    return "# bfdd does not run here. For `neighbor X bfd` write this into /etc/frr/daemons, restart FRR, and take the "
           "\"#\" off\n"
           "# the line after it:\n" +
           daemons + "#" + line;
}

std::string frr_table(const Found& found) {
    if (!found.frr) return {};
    return "[frr]\n" + dataplane_of(*found.frr) +
           "# FRR is asked for its neighbours where WireGuard does not tell a peer's address.\nvty = " +
           quoted(found.frr->directory) + "\n\n";
}

std::string bird_table(const Found& found) {
    if (!found.bird) return {};
    return "# BIRD runs here: it learns this table as the place where BGP's next hops are resolved; `wgbfd snippets "
           "bird` "
           "prints\n"
           "# its side. Leave `protocol bfd` out of BIRD: it and wgbfd would both want UDP 3784.\n" +
           fmt::format("[bird]\nnexthop_table = {}\n", proposed_table) +
           fmt::format("# For the feed bird-include; BIRD reads the file by `include \"{0}\";`.\n#include = {1}\n\n",
                       proposed_include, quoted(proposed_include));
}

// A feed of the interface, and why; "" for the word where there is none.
struct Choice {
    std::string word, why;
};

Choice frr_choice(const Found& found, const std::string& interface) {
    if (!found.frr) return {"", found.bird ? "" : "# No FRR here that would follow the interface's state.\n"};
    const auto peers = peers_on(found, interface);
    if (peers == 1)
        return {
            "\"link\"",
            "# One peer: while it is dead the interface looks down to FRR (DORMANT), for all protocols at once, and "
            "stays so\n"
            "# until it lives again. Take \"link\" away to let bfdd alone tell FRR.\n"};
    return {"",
            fmt::format("# {}: the interface's state would speak for all of them at once, so bfdd tells FRR of each.\n",
                        count(peers, "peer"))};
}

Choice bird_choice(const Found& found, const std::string& interface) {
    if (!found.bird) return {};
    const auto has_global = std::ranges::any_of(
        found.peers, [&](const FoundPeer& peer) { return peer.interface == interface && !is_link_local(peer); });
    if (has_global)
        return {"\"bird-nexthop\"", "# BIRD leaves the next hop of a peer that is dead; no session is restarted.\n"};
    return {"", "# Link-local addresses alone, which BIRD looks up in no table: each peer has its own feed below.\n"};
}

std::string interface_table(const Found& found, const std::string& interface) {
    const auto frr = frr_choice(found, interface), bird = bird_choice(found, interface);
    const auto both = frr.word.empty() || bird.word.empty() ? "" : ", ";
    return fmt::format("{}{}[interface.{}]\nfeeds = [{}{}{}]\n\n", frr.why, bird.why, quoted(interface), frr.word, both,
                       bird.word);
}

std::string address_lines(const FoundPeer& peer) {
    if (peer.addresses)
        return fmt::format("# Found ({}); take the \"#\" off to hold it fast.\n#address = {}\n",
                           to_string(peer.addresses->source), quoted(to_string(peer.addresses->remote)));
    return fmt::format(
        "# Its address in the tunnel was not found ({}): write it here, or it is not probed.\n"
        "#address = \"ADDRESS\"\n",
        to_string(peer.addresses.error().step));
}

std::string adjacency_table(const Found& found, const FoundPeer& peer) {
    std::string out = fmt::format("[[adjacency]]\nname = {}\ninterface = {}\npeer = {}\n", quoted(peer.name),
                                  quoted(peer.interface), quoted(to_base64(peer.key)));
    out += address_lines(peer);
    if (found.bird && is_link_local(peer))
        out +=
            "# Either constants of this peer, for BIRD's filters to prefer by (with the include of [bird]), or the "
            "protocol\n"
            "# of BIRD's that runs over it, disabled while it is dead; take the \"#\" off.\n"
            "#feeds = [\"bird-include\"]\n#feeds = [\"bird-protocol\"]\n#bird_protocol = \"NAME\"\n";
    if (!peer.has_endpoint) out += "# WireGuard does not know where it is: it is probed once it has called.\n";
    return out + "\n";
}

}  // namespace

bool is_link_local(const FoundPeer& peer) {
    return peer.addresses && peer.addresses->remote.is_v6() && peer.addresses->remote.is_link_local();
}

std::string init_config(const Found& found) {
    auto out = heading(found) + probe_table() + frr_table(found) + bird_table(found);
    for (const auto& interface : interfaces_of(found)) out += interface_table(found, interface);
    if (found.peers.empty())
        out += "# No WireGuard peer was found. Peers that come later are probed without a line here.\n";
    else
        out +=
            "# A peer that stands here counts in the exit status of `wgbfd status`; give it a name that says where it "
            "leads.\n";
    for (const auto& peer : found.peers) out += adjacency_table(found, peer);
    while (out.ends_with("\n\n")) out.pop_back();
    return out;
}

}  // namespace view
