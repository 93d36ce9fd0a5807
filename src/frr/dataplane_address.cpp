#include "frr/dataplane_address.hpp"

#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/ip_address.hpp"

namespace frr {

namespace {

template <class T>
SocketAddress wrap(const T& address, socklen_t length = sizeof(T)) {
    SocketAddress out;
    std::memcpy(&out.storage, &address, sizeof address);
    out.length = length;
    return out;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    if (text.empty()) return default_dataplane_port;
    if (text.front() != ':') return std::nullopt;
    text.remove_prefix(1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

std::optional<SocketAddress> parse_v4(std::string_view text) {
    const auto colon = std::min(text.find(':'), text.size());
    const auto host = base::IpAddress::parse(text.substr(0, colon));
    const auto port = parse_port(text.substr(colon));
    if (!host || !host->is_v4() || !port) return std::nullopt;
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(*port);
    std::memcpy(&out.sin_addr, host->bytes.data(), 4);
    return wrap(out);
}

std::optional<SocketAddress> parse_v6(std::string_view text) {
    const auto close = text.find(']');
    if (text.empty() || text.front() != '[' || close == std::string_view::npos) return std::nullopt;
    const auto host = base::IpAddress::parse(text.substr(1, close - 1));
    const auto port = parse_port(text.substr(close + 1));
    if (!host || !host->is_v6() || !port) return std::nullopt;
    sockaddr_in6 out{};
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(*port);
    std::memcpy(&out.sin6_addr, host->bytes.data(), 16);
    return wrap(out);
}

}  // namespace

SocketAddress unix_address(std::string_view path) {
    sockaddr_un out{};
    if (path.empty() || path.size() >= sizeof out.sun_path) return {};
    out.sun_family = AF_UNIX;
    std::memcpy(out.sun_path, path.data(), path.size());
    return wrap(out, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1));
}

base::Result<SocketAddress, std::string> parse_dataplane_address(std::string_view text) {
    const auto colon = std::min(text.find(':'), text.size());
    const auto kind = text.substr(0, colon);
    const auto rest = text.substr(std::min(colon + 1, text.size()));
    std::optional<SocketAddress> out;
    if (kind == "ipv4") out = parse_v4(rest);
    if (kind == "ipv6") out = parse_v6(rest);
    if (kind == "unix" && unix_address(rest).length != 0) out = unix_address(rest);
    if (out) return *out;
    return tl::unexpected{
        "bfd_dataplane \"" + std::string{text} +
        "\" must be unix:/path, ipv4:A.B.C.D[:port] or ipv6:[X::Y][:port], as in bfdd's --dplaneaddr"};
}

}  // namespace frr
