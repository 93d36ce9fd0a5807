#include "kernel/link_table.hpp"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <utility>

#include "kernel/rtnetlink.hpp"

namespace kernel {

LinkTable::Effect LinkTable::apply(const io::NetlinkMessage& message) {
    switch (message.type) {
        case RTM_NEWLINK: return set_link(message.payload);
        case RTM_DELLINK: return remove_link(message.payload);
        case RTM_NEWADDR: return set_address(message.payload, true);
        case RTM_DELADDR: return set_address(message.payload, false);
        default: return Effect::none;
    }
}

LinkTable::Effect LinkTable::set_link(base::Bytes payload) {
    auto link = decode_link(payload);
    if (!link) return Effect::none;
    const auto [at, is_new] = links_.try_emplace(link->index.value);
    at->second.stale = false;
    auto& known = at->second.link;
    const bool flipped = is_new || known.up != link->up;
    if (!flipped && known == *link) return Effect::none;
    known = *std::move(link);
    return flipped ? Effect::flipped : Effect::changed;
}

LinkTable::Effect LinkTable::remove_link(base::Bytes payload) {
    const auto link = decode_link(payload);
    if (!link) return Effect::none;
    addresses_.erase(link->index.value);
    return links_.erase(link->index.value) > 0 ? Effect::flipped : Effect::none;
}

LinkTable::Effect LinkTable::set_address(base::Bytes payload, bool present) {
    const auto message = decode_address(payload);
    if (!message) return Effect::none;
    auto& addresses = addresses_[message->index.value];
    const auto& wanted = message->address;
    const auto at = std::ranges::find_if(addresses, [&](const Address& a) {
        return a.value.local == wanted.local && a.value.peer == wanted.peer &&
               a.value.prefix_length == wanted.prefix_length;
    });
    if (!present) {
        if (at == addresses.end()) return Effect::none;
        addresses.erase(at);
        return Effect::changed;
    }
    if (at == addresses.end()) {
        addresses.push_back({wanted});
        return Effect::changed;
    }
    at->stale = false;
    return std::exchange(at->value.tentative, wanted.tentative) == wanted.tentative ? Effect::none : Effect::changed;
}

void LinkTable::begin_links() {
    for (auto& [index, entry] : links_) entry.stale = true;
}

LinkTable::Effect LinkTable::end_links() {
    const auto gone = std::erase_if(links_, [](const auto& entry) { return entry.second.stale; });
    std::erase_if(addresses_, [&](const auto& entry) { return !links_.contains(entry.first); });
    return gone > 0 ? Effect::flipped : Effect::none;
}

void LinkTable::begin_addresses() {
    for (auto& [index, addresses] : addresses_)
        for (auto& address : addresses) address.stale = true;
}

LinkTable::Effect LinkTable::end_addresses() {
    std::size_t gone = 0;
    for (auto& [index, addresses] : addresses_)
        gone += std::erase_if(addresses, [](const Address& a) { return a.stale; });
    return gone > 0 ? Effect::changed : Effect::none;
}

std::vector<adjacency::Link> LinkTable::links() const {
    std::vector<adjacency::Link> out;
    out.reserve(links_.size());
    for (const auto& [index, entry] : links_) {
        auto& link = out.emplace_back(entry.link);
        const auto addresses = addresses_.find(index);
        if (addresses == addresses_.end()) continue;
        for (const auto& address : addresses->second) link.addresses.push_back(address.value);
    }
    return out;
}

}  // namespace kernel
