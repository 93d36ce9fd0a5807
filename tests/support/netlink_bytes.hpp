// Netlink messages made by hand, for the decoders.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace support {

using Buffer = std::vector<std::byte>;

template <class T>
Buffer raw(const T& value) {
    Buffer out(sizeof value);
    std::memcpy(out.data(), &value, sizeof value);
    return out;
}
inline Buffer text(const std::string& value) {
    Buffer out(value.size() + 1);
    std::memcpy(out.data(), value.c_str(), out.size());
    return out;
}
inline Buffer operator+(Buffer a, const Buffer& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}
inline Buffer padded(Buffer in) {
    in.resize((in.size() + 3) & ~std::size_t{3});
    return in;
}
inline Buffer attribute(int type, const Buffer& value) {
    const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), static_cast<std::uint16_t>(type)};
    return padded(raw(header) + value);
}
inline Buffer nested(int type, const Buffer& value) { return attribute(type | NLA_F_NESTED, value); }
inline Buffer message(int type, int flags, std::uint32_t sequence, const Buffer& payload) {
    const nlmsghdr header{static_cast<std::uint32_t>(sizeof(nlmsghdr) + payload.size()),
                          static_cast<std::uint16_t>(type), static_cast<std::uint16_t>(flags), sequence, 0};
    return padded(raw(header) + payload);
}

}  // namespace support
