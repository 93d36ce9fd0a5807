#include "kernel/allowed_ips.hpp"

#include <algorithm>
#include <tuple>

namespace kernel {
namespace {

base::Prefix half(const base::Prefix& prefix, bool upper) {
    auto out = prefix;
    if (upper) out.address.bytes[prefix.length / 8] |= static_cast<std::uint8_t>(0x80U >> (prefix.length % 8));
    ++out.length;
    return out;
}

base::IpAddress last(const base::Prefix& prefix) {
    auto out = prefix.address;
    for (unsigned bit = prefix.length; bit < out.bits(); ++bit)
        out.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
    return out;
}

auto order(const AllowedIps::Entry& entry) { return std::tuple{entry.prefix.address, entry.prefix.length}; }

}  // namespace

bool holds(const base::Prefix& outer, const base::Prefix& inner) {
    return outer.length <= inner.length && outer.contains(inner.address);
}

AllowedIps::AllowedIps(std::span<const adjacency::Peer> peers) {
    for (const auto& peer : peers)
        for (const auto& prefix : peer.allowed_ips) entries_.push_back({prefix, peer.key});
    std::ranges::sort(entries_, {}, order);
}

std::span<const AllowedIps::Entry> AllowedIps::inside(const base::Prefix& prefix) const {
    const auto begin = std::ranges::lower_bound(entries_, std::tuple{prefix.address, prefix.length}, {}, order);
    const auto end = std::ranges::upper_bound(begin, entries_.end(), last(prefix), {},
                                              [](const Entry& entry) { return entry.prefix.address; });
    return {begin, end};
}

// The prefixes that may hold this one are as many as it has bits: each is looked for by its name.
const AllowedIps::Entry* AllowedIps::longest_holder(const base::Prefix& prefix) const {
    auto outer = prefix;
    for (;;) {
        const auto at = std::ranges::lower_bound(entries_, std::tuple{outer.address, outer.length}, {}, order);
        if (at != entries_.end() && at->prefix == outer) return &*at;
        if (outer.length == 0) return nullptr;
        --outer.length;
        outer.address.bytes[outer.length / 8] &= static_cast<std::uint8_t>(~(0x80U >> (outer.length % 8)));
    }
}

bool AllowedIps::carries(const base::Prefix& prefix, const adjacency::PublicKey& peer) const {
    const auto within = inside(prefix);
    const auto is_ours = [&](const Entry& entry) { return entry.owner == peer; };
    if (!std::ranges::all_of(within, is_ours)) return false;  // a part of it goes elsewhere
    if (const auto* holder = longest_holder(prefix)) return is_ours(*holder);
    if (prefix.is_host() || within.empty()) return false;
    return carries(half(prefix, false), peer) && carries(half(prefix, true), peer);
}

}  // namespace kernel
