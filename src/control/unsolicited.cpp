#include "control/unsolicited.hpp"

#include <algorithm>

namespace control {
namespace {

const config::Interface* settings(const config::Config& config, const Host& host, base::IfIndex ifindex) {
    const auto* link = host.link(ifindex);
    if (link == nullptr) return nullptr;
    const auto found = std::ranges::find(config.interfaces, link->name, &config::Interface::name);
    return found == config.interfaces.end() ? nullptr : &*found;
}

bool allows(const config::Interface& interface, const base::IpAddress& remote) {
    return std::ranges::any_of(interface.unsolicited, [&](const auto& prefix) { return prefix.contains(remote); });
}

// RFC 9468 §2: on a numbered interface the source must lie in a subnet of it. One with host prefixes alone is not
// numbered in that sense (a /32 on wg0): there WireGuard's allowed-ips vouch for the source.
bool in_subnet(const adjacency::Link& link, const base::IpAddress& remote) {
    bool numbered = false;
    for (const auto& address : link.addresses) {
        if (address.local.family != remote.family || address.prefix_length == address.local.bits()) continue;
        numbered = true;
        if (base::Prefix{address.local, address.prefix_length}.contains(remote)) return true;
    }
    return !numbered;
}

bool has_address(const adjacency::Link& link, const base::IpAddress& local) {
    return std::ranges::find(link.addresses, local, &adjacency::LinkAddress::local) != link.addresses.end();
}

}  // namespace

std::size_t Unsolicited::count(base::IfIndex ifindex) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(sessions_, [&](const auto& item) { return item.first.ifindex == ifindex; }));
}

bool Unsolicited::offer(base::TimePoint now, const probe::Unmatched& first, const config::Config& config,
                        const Host& host, const Adjacencies& adjacencies) {
    if (first.multihop) return false;  // RFC 9468 §1: single hop alone
    const auto* interface = settings(config, host, first.ifindex);
    if (interface == nullptr || !allows(*interface, first.remote)) return false;
    if (count(first.ifindex) >= interface->unsolicited_max) return false;
    if (adjacencies.owner(first.ifindex, first.remote) == nullptr) return false;
    const auto* link = host.link(first.ifindex);
    if (!has_address(*link, first.local) || !in_subnet(*link, first.remote)) return false;
    const bfd::SessionKey key{.ifindex = first.ifindex, .local = first.local, .remote = first.remote};
    return sessions_.try_emplace(key, now + unsolicited_lifetime).second;
}

void Unsolicited::on_state(base::TimePoint now, const bfd::SessionKey& key, bool up) {
    const auto found = sessions_.find(key);
    if (found == sessions_.end()) return;
    if (up)
        found->second = base::never;
    else if (found->second == base::never)
        found->second = now + unsolicited_lifetime;
}

bool Unsolicited::expire(base::TimePoint now) {
    return std::erase_if(sessions_, [&](const auto& item) { return item.second <= now; }) > 0;
}

bool Unsolicited::prune(const config::Config& config, const Host& host) {
    return std::erase_if(sessions_, [&](const auto& item) {
               const auto* interface = settings(config, host, item.first.ifindex);
               const auto* link = host.link(item.first.ifindex);
               return interface == nullptr || !allows(*interface, item.first.remote) ||
                      !has_address(*link, item.first.local);
           }) > 0;
}

void Unsolicited::recall(const UnsolicitedMemory& sessions) {
    for (const auto& [key, ends] : sessions) sessions_.insert_or_assign(key, ends);
}

base::TimePoint Unsolicited::deadline() const {
    auto earliest = base::never;
    for (const auto& [key, ends] : sessions_) earliest = std::min(earliest, ends);
    return earliest;
}

}  // namespace control
