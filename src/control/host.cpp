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

Homes::Homes(const Host& host) {
    using Home = decltype(homes_)::value_type;
    for (const auto& link : host.links)
        for (const auto& address : link.addresses) homes_.emplace_back(address.local, link.index);
    std::ranges::stable_sort(homes_, {}, &Home::first);
}

std::optional<base::IfIndex> Homes::of(const base::IpAddress& local) const {
    using Home = decltype(homes_)::value_type;
    const auto found = std::ranges::lower_bound(homes_, local, {}, &Home::first);
    return found != homes_.end() && found->first == local ? std::optional{found->second} : std::nullopt;
}

}  // namespace control
