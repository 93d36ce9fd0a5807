#include "control/host.hpp"

#include <algorithm>

namespace control {

const adjacency::Link* Host::link(std::string_view name) const {
    const auto found = std::ranges::find(links, name, &adjacency::Link::name);
    return found == links.end() ? nullptr : &*found;
}

const adjacency::Link* Host::link(base::IfIndex index) const {
    const auto found = std::ranges::find(links, index, &adjacency::Link::index);
    return found == links.end() ? nullptr : &*found;
}

const adjacency::Device* Host::device(const adjacency::Link& link) const {
    const auto found = std::ranges::find_if(
        devices, [&](const adjacency::Device& d) { return d.index == link.index && d.interface == link.name; });
    return found == devices.end() ? nullptr : &*found;
}

}  // namespace control
