#include "adjacency/link.hpp"

#include <algorithm>

namespace adjacency {

bool usable(const LinkAddress& address) { return address.local.is_set() && !address.tentative; }

base::Prefix on_link(const LinkAddress& address) {
    return {address.peer.is_set() ? address.peer : address.local, address.prefix_length};
}

base::IfIndex vrf_of(const Link& link, std::span<const Link> links) {
    if (link.master.value == 0) return {};
    const auto master = std::ranges::find(links, link.master, &Link::index);
    return master != links.end() && master->kind == vrf_kind ? master->index : base::IfIndex{};
}

}  // namespace adjacency
