// Walking netlink messages and attributes in a datagram: pure, in host byte order as netlink has it, never past the
// end. A length field that lies ends the walk. See netlink(7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

#include <linux/netlink.h>

#include "base/bytes.hpp"

namespace io {

struct NetlinkMessage {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t sequence = 0;
    base::Bytes payload;
};

struct NetlinkAttribute {
    std::uint16_t type = 0;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
    base::Bytes value;
};

// The leading T of `in`, in host order; none when it is too short.
template <class T>
requires std::is_trivially_copyable_v<T> std::optional<T> leading(base::Bytes in) {
    if (in.size() < sizeof(T)) return std::nullopt;
    T out;
    std::memcpy(&out, in.data(), sizeof(T));
    return out;
}

inline base::Bytes skip_aligned(base::Bytes in, std::size_t length) {
    const auto aligned = (length + 3U) & ~std::size_t{3};
    return aligned < in.size() ? in.subspan(aligned) : base::Bytes{};
}

// Takes the next message off `datagram`; none at its end or where it stops making sense.
inline std::optional<NetlinkMessage> next_message(base::Bytes& datagram) {
    const auto header = leading<nlmsghdr>(datagram);
    if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) return std::nullopt;
    const NetlinkMessage out{header->nlmsg_type, header->nlmsg_flags, header->nlmsg_seq,
                             datagram.subspan(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr))};
    datagram = skip_aligned(datagram, header->nlmsg_len);
    return out;
}

inline std::optional<NetlinkAttribute> next_attribute(base::Bytes& attributes) {
    const auto header = leading<nlattr>(attributes);
    if (!header || header->nla_len < sizeof(nlattr) || header->nla_len > attributes.size()) return std::nullopt;
    const NetlinkAttribute out{static_cast<std::uint16_t>(header->nla_type & NLA_TYPE_MASK),
                               attributes.subspan(sizeof(nlattr), header->nla_len - sizeof(nlattr))};
    attributes = skip_aligned(attributes, header->nla_len);
    return out;
}

// Text up to its NUL.
inline std::string_view text_of(base::Bytes value) {
    const std::string_view text{reinterpret_cast<const char*>(value.data()), value.size()};
    return text.substr(0, text.find('\0'));
}

// The errno of an NLMSG_ERROR or NLMSG_DONE, 0 for success (an acknowledgement).
inline int errno_of(const NetlinkMessage& message) { return -leading<int>(message.payload).value_or(0); }

}  // namespace io
