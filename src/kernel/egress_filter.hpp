// Filters of ours at the egress of an interface (tc(8): clsact, u32, mirred), as rtnetlink messages and values. All of
// them stand under one preference, which is how they are recognised; somebody else's filters, and whatever qdisc is
// there already, are left alone. The codec is pure.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "base/bytes.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace kernel {

inline constexpr std::uint16_t our_preference = 87;  // as our_protocol; the kernel gives from 49152 down by itself

// 32 bits of a packet, counted from its IP header, in the order of the wire.
struct Match {
    std::uint8_t offset = 0;  // bytes
    std::uint32_t value = 0;
    std::uint32_t mask = 0;
    friend constexpr auto operator<=>(const Match&, const Match&) = default;
};

// The first filter by number of those that match wins.
struct EgressFilter {
    std::uint16_t number = 1;    // 1 … 0xfff
    std::vector<Match> matches;  // all of them; none: every packet
    base::IfIndex to;            // 0: the packet goes its way
    friend auto operator<=>(const EgressFilter&, const EgressFilter&) = default;
};

std::vector<Match> to_destination(const base::Prefix& prefix);
// RFC 5881 §5: what a single-hop session sends has TTL 255; forwarded packets have less.
std::vector<Match> of_single_hop_bfd(base::Family family);

// Of RTM_NEWTFILTER. Ours: under our preference, of the kind that we make. None: malformed.
struct FilterMessage {
    bool ours = false;
    bool is_table = false;  // u32 tells of its hash tables too
    EgressFilter filter;
};
std::optional<FilterMessage> decode_filter(base::Bytes payload);

enum class EgressQdisc : std::uint8_t { none, clsact, other };  // other: `ingress`, which has no egress

// What stands at one interface.
struct Egress {
    EgressQdisc qdisc = EgressQdisc::none;
    std::vector<EgressFilter> ours;  // by number
    bool foreign = false;            // somebody else's under our preference
};

// How to read and change; tests put their own here.
struct EgressAccess {
    std::function<base::Result<Egress, std::error_code>(base::IfIndex)> read;
    std::function<std::error_code(base::IfIndex)> add_clsact;
    std::function<std::error_code(base::IfIndex)> remove_clsact;  // only where nobody has a filter; else nothing
    // In one datagram, in order; the first error, the others are tried all the same.
    std::function<std::error_code(base::IfIndex, std::span<const std::uint16_t> remove,
                                  std::span<const EgressFilter> add)>
        change;
    std::function<std::error_code(base::IfIndex)> remove_all;  // of ours, at once
};
EgressAccess kernel_egress();

}  // namespace kernel
