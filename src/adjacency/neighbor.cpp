#include "adjacency/neighbor.hpp"

#include <algorithm>

namespace adjacency {

namespace {

// How well the neighbour fits a link: the length of the prefix that holds it, 0 where only the address it is spoken to
// from is the link's, -1 not at all. A default route is no link: /0 never counts.
int rank(const Neighbor& neighbor, const Link& link) {
    int best = -1;
    for (const auto& address : link.addresses) {
        if (!usable(address) || address.local.family != neighbor.remote.family) continue;
        if (neighbor.local.is_set() && address.local != neighbor.local) continue;
        if (on_link(address).contains(neighbor.remote))
            best = std::max(best, static_cast<int>(address.prefix_length));
        else if (neighbor.direct && neighbor.local.is_set())
            best = std::max(best, 0);
    }
    return best;
}

}  // namespace

std::string_view interface_of(const Neighbor& neighbor, std::span<const Link> links) {
    if (!neighbor.interface.empty()) return neighbor.interface;
    if (neighbor.remote.is_v6() && neighbor.remote.is_link_local()) return {};
    std::string_view found;
    int best = -1;
    bool several = false;
    for (const auto& link : links) {
        const int here = rank(neighbor, link);
        if (here < 0 || here < best) continue;
        several = here == best;
        best = here;
        found = link.name;
    }
    return several ? std::string_view{} : found;
}

}  // namespace adjacency
