// `wgbfd snippets frr`.
#include <algorithm>

#include <fmt/format.h>

#include "view/snippets.hpp"
#include "view/text.hpp"

namespace view {

namespace {

constexpr std::uint32_t example_as = 65001;

std::string word(std::string_view text) { return printable(clean(text)); }

bool alone(const Found& found, const FoundPeer& peer) {
    return std::ranges::count(found.peers, peer.interface, &FoundPeer::interface) == 1;
}

std::string part(std::string_view title) { return fmt::format("!\n! ===== {} =====\n!\n", title); }

std::string daemons_part(const Found& found) {
    const auto address = found.frr && found.frr->dplane ? *found.frr->dplane : std::string{proposed_dataplane};
    auto out = part("/etc/frr/daemons, then restart FRR") +
               fmt::format("! bfdd=yes\n! bfdd_options=\"   -A 127.0.0.1 --dplaneaddr {}\"\n", word(address)) +
               fmt::format("! and in /etc/wgbfd/wgbfd.toml, under [frr]:  bfd_dataplane = \"{}\"\n", word(address));
    if (found.frr && found.frr->dplane) out += "! (bfdd here has it already)\n";
    return out;
}

std::string bfdd_part() {
    return part("bfdd") +
           "! The timers FRR asks for hold while it asks; a far end that wants to go slower gets it.\n"
           "bfd\n profile wgbfd\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 3\n exit\n "
           "!\nexit\n";
}

// As bgpd knows it: by its interface where link-local addresses would need one.
std::string neighbor_name(const FoundPeer& peer) {
    return is_link_local(peer) ? peer.interface : to_string(peer.addresses->remote);
}

std::string bgp_lines(const FoundPeer& peer) {
    const auto name = word(neighbor_name(peer));
    std::string out = fmt::format(" ! {}\n", word(peer.name));
    if (!peer.bgp) {
        out += is_link_local(peer) ? fmt::format(" neighbor {} interface remote-as external\n", name)
                                   : fmt::format(" neighbor {} remote-as external\n", name);
        out += fmt::format(" neighbor {} timers 30 90\n neighbor {} timers connect 5\n", name, name);
    }
    return out + fmt::format(" neighbor {} bfd\n neighbor {} bfd profile wgbfd\n", name, name);
}

std::string bgp_part(const Found& found) {
    auto out = part("bgpd");
    const bool known = found.frr && found.frr->local_as;
    if (!known) out += fmt::format("! {} is an example: write your own AS number.\n", example_as);
    out +=
        "! `timers` is for FRR 10.4.0-10.4.4 and 10.5.0-10.5.2: without it they act on BFD 30 s late. Route maps and "
        "networks\n"
        "! are yours to add: eBGP passes nothing without a policy.\n";
    out += fmt::format("router bgp {}\n", known ? *found.frr->local_as : example_as);
    std::string v6;
    for (const auto& peer : found.peers) {
        if (!peer.addresses) {
            out += fmt::format(" ! {}: no address found in the tunnel ({})\n", word(peer.name),
                               to_string(peer.addresses.error().step));
            continue;
        }
        if (is_link_local(peer) && !alone(found, peer)) {
            out +=
                fmt::format(" ! {}: several peers on {}, and BGP by link-local addresses needs an interface a peer\n",
                            word(peer.name), word(peer.interface));
            continue;
        }
        out += bgp_lines(peer);
        if (peer.addresses->remote.is_v6() && !peer.bgp)
            v6 += fmt::format("  neighbor {} activate\n", word(neighbor_name(peer)));
    }
    if (!v6.empty()) out += " !\n address-family ipv6 unicast\n" + v6 + " exit-address-family\n";
    return out + "exit\n";
}

std::string ospf_interface(const Found& found, const FoundPeer& peer) {
    const auto type = alone(found, peer) ? "point-to-point" : "non-broadcast";
    return fmt::format(
        "interface {}\n ip ospf area 0\n ip ospf network {}\n ip ospf bfd\n ip ospf bfd profile wgbfd\nexit\n",
        word(peer.interface), type);
}

std::string ospf_part(const Found& found) {
    auto out =
        part("ospfd, where OSPF is used") +
        "! One peer an interface: allowed-ips need 224.0.0.5/32 at both ends. Several: hellos go to each neighbour by\n"
        "! itself (non-broadcast); let the hub be elected with `ip ospf priority 0` at the others.\n";
    std::string neighbors;
    std::vector<std::string> done;
    for (const auto& peer : found.peers) {
        const bool v4 = peer.addresses && peer.addresses->remote.is_v4();
        if (!v4) out += fmt::format("! {}: no IPv4 address in the tunnel\n", word(peer.name));
        if (!v4) continue;
        if (!alone(found, peer)) neighbors += fmt::format(" neighbor {}\n", to_string(peer.addresses->remote));
        if (std::ranges::find(done, peer.interface) != done.end()) continue;
        done.push_back(peer.interface);
        out += ospf_interface(found, peer);
    }
    return out + "router ospf\n" + neighbors + "exit\n";
}

}  // namespace

std::string frr_snippet(const Found& found) {
    std::string out =
        "! FRR's side of wgbfd, for the peers found here. Take the parts whose daemons run: `vtysh -f FILE` or paste\n"
        "! them after `configure terminal`, then `write`.\n";
    return out + daemons_part(found) + bfdd_part() + bgp_part(found) + ospf_part(found);
}

}  // namespace view
