#include "base/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace base {

IpAddress IpAddress::v4(std::span<const std::byte, 4> in) {
    IpAddress out{.family = Family::v4};
    std::memcpy(out.bytes.data(), in.data(), 4);
    return out;
}

IpAddress IpAddress::v6(std::span<const std::byte, 16> in) {
    IpAddress out{.family = Family::v6};
    std::memcpy(out.bytes.data(), in.data(), 16);
    return out;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton would stop there
    const std::string copy{text};
    IpAddress out;
    if (::inet_pton(AF_INET, copy.c_str(), out.bytes.data()) == 1) {
        out.family = Family::v4;
        return out;
    }
    if (::inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) {
        out.family = Family::v6;
        return out;
    }
    return std::nullopt;
}

bool IpAddress::is_link_local() const {
    if (is_v4()) return bytes[0] == 169 && bytes[1] == 254;
    return is_v6() && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const {
    if (is_v4()) return (bytes[0] & 0xf0) == 0xe0;
    return is_v6() && bytes[0] == 0xff;
}

bool IpAddress::is_unspecified() const {
    return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

std::string to_string(const IpAddress& address) {
    if (!address.is_set()) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.bytes.data(), text.data(), text.size());
    return text.data();
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == std::string_view::npos) return Prefix{*address, static_cast<std::uint8_t>(address->bits())};
    const auto digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size() || length > address->bits()) return std::nullopt;
    return Prefix{*address, static_cast<std::uint8_t>(length)};
}

bool Prefix::contains(const IpAddress& other) const {
    if (other.family != address.family || !address.is_set()) return false;
    const std::size_t whole = length / 8U;
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                    other.bytes.begin()))
        return false;
    const unsigned rest = length % 8U;
    if (rest == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff00U >> rest);
    return (address.bytes[whole] & mask) == (other.bytes[whole] & mask);
}

std::string to_string(const Prefix& prefix) {
    return to_string(prefix.address) + "/" + std::to_string(static_cast<unsigned>(prefix.length));
}

std::string to_string(const Endpoint& endpoint) {
    const auto port = std::to_string(static_cast<unsigned>(endpoint.port));
    auto address = to_string(endpoint.address);
    if (endpoint.scope != IfIndex{}) address.append(1, '%').append(std::to_string(endpoint.scope.value));
    std::string out = endpoint.address.is_v6() ? '[' + address + ']' : address;
    return out.append(1, ':').append(port);
}

}  // namespace base
