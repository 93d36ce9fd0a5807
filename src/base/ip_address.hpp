// IPv4 and IPv6 addresses, prefixes and UDP endpoints as plain values.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/strong.hpp"

namespace base {

using IfIndex = Strong<struct IfIndexTag, std::uint32_t>;  // 0: none

enum class Family : std::uint8_t { none, v4, v6 };

// Trivially copyable. IPv4 stands in the first 4 bytes, the rest zero. Default: no address.
struct IpAddress {
    Family family = Family::none;
    std::array<std::uint8_t, 16> bytes{};

    static IpAddress v4(std::span<const std::byte, 4> in);
    static IpAddress v6(std::span<const std::byte, 16> in);
    static std::optional<IpAddress> parse(std::string_view text);  // no zone, no prefix length

    bool is_set() const { return family != Family::none; }
    bool is_v4() const { return family == Family::v4; }
    bool is_v6() const { return family == Family::v6; }
    bool is_link_local() const;  // 169.254.0.0/16, fe80::/10
    bool is_multicast() const;
    bool is_unspecified() const;                                           // none, 0.0.0.0 or ::
    std::size_t length() const { return is_v4() ? 4 : is_v6() ? 16 : 0; }  // bytes
    unsigned bits() const { return is_v4() ? 32 : is_v6() ? 128 : 0; }
    std::span<const std::byte> data() const { return std::as_bytes(std::span{bytes}.first(length())); }

    friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
};
std::string to_string(const IpAddress& address);  // "" when none

struct Prefix {
    IpAddress address;
    std::uint8_t length = 0;  // bits

    static std::optional<Prefix> parse(std::string_view text);  // "10.0.0.0/8", or an address alone (host prefix)
    bool contains(const IpAddress& other) const;
    bool is_host() const { return length == address.bits(); }
    friend constexpr auto operator<=>(const Prefix&, const Prefix&) = default;
};
std::string to_string(const Prefix& prefix);

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;
    IfIndex scope{};  // of a link-local IPv6 address: the interface it is behind
    friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};
std::string to_string(const Endpoint& endpoint);  // "192.0.2.1:51820", "[2001:db8::1]:51820", "[fe80::1%3]:51820"

}  // namespace base

template <>
struct std::hash<base::IpAddress> {
    std::size_t operator()(const base::IpAddress& a) const noexcept {
        std::size_t h = static_cast<std::size_t>(a.family) + 0x9e3779b97f4a7c15U;
        for (const auto b : a.bytes) h = (h ^ b) * 0x100000001b3U;
        return h;
    }
};
