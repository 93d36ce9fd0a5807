#include "adjacency/link.hpp"

namespace adjacency {

bool usable(const LinkAddress& address) { return address.local.is_set() && !address.tentative; }

base::Prefix on_link(const LinkAddress& address) {
    return {address.peer.is_set() ? address.peer : address.local, address.prefix_length};
}

}  // namespace adjacency
