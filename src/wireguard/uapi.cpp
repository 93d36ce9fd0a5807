#include "wireguard/uapi.hpp"

#include <charconv>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

namespace wireguard {
namespace {

template <class T>
bool read_number(std::string_view text, T& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

// A name before a number, as Go reads it.
base::IfIndex scope_of(std::string_view zone, ZoneIndex zone_index) {
    base::IfIndex out;
    if (zone_index != nullptr) out.value = zone_index(std::string{zone}.c_str());
    if (out.value == 0 && !read_number(zone, out.value)) out = {};
    return out;
}

}  // namespace

std::optional<base::Endpoint> parse_endpoint(std::string_view text, ZoneIndex zone_index) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto percent = host.find('%');
    const auto address = base::IpAddress::parse(host.substr(0, percent));
    base::Endpoint out;
    if (!address || address->is_v6() != bracketed || !read_number(text.substr(colon + 1), out.port))
        return std::nullopt;
    out.address = *address;
    if (percent != std::string_view::npos && address->is_v6())
        out.scope = scope_of(host.substr(percent + 1), zone_index);
    return out;
}

base::Result<std::size_t, UapiRefusal> UapiParser::take(std::string_view text) {
    std::size_t used = 0;
    while (!done_) {
        const auto rest = text.substr(used);
        const auto end = rest.substr(0, longest_line + 1).find('\n');
        if (end == std::string_view::npos) {
            if (rest.size() > longest_line) return tl::unexpected{UapiRefusal::line_too_long};
            break;
        }
        if (const auto refusal = line(rest.substr(0, end))) return tl::unexpected{*refusal};
        used += end + 1;
    }
    return used;
}

std::optional<UapiRefusal> UapiParser::line(std::string_view text) {
    if (text.empty()) {
        if (!errno_) return UapiRefusal::no_errno;
        if (*errno_ != 0) return UapiRefusal::errno_nonzero;
        done_ = true;
        return std::nullopt;
    }
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) return UapiRefusal::not_key_value;
    const auto key = text.substr(0, equals);
    const auto value = text.substr(equals + 1);
    if (key == "private_key" || key == "preshared_key") return std::nullopt;
    if (key == "errno") {
        // Signed in the protocol's text; Go prints negative numbers of its own.
        std::int64_t number = 0;
        if (!read_number(value, number)) return UapiRefusal::bad_number;
        errno_ = static_cast<std::uint64_t>(number);
        return std::nullopt;
    }
    if (key == "listen_port")
        return read_number(value, device_.listen_port) ? std::nullopt : std::optional{UapiRefusal::bad_number};
    if (key == "public_key") {
        const auto public_key = adjacency::PublicKey::from_hex(value);
        if (!public_key) return UapiRefusal::bad_public_key;
        device_.peers.emplace_back().key = *public_key;
        handshake_seconds_ = handshake_nanoseconds_ = 0;
        return std::nullopt;
    }
    return peer_line(key, value);
}

std::optional<UapiRefusal> UapiParser::peer_line(std::string_view key, std::string_view value) {
    const bool known = key == "endpoint" || key == "allowed_ip" || key == "rx_bytes" || key == "tx_bytes" ||
                       key == "persistent_keepalive_interval" || key == "last_handshake_time_sec" ||
                       key == "last_handshake_time_nsec";
    if (!known) return std::nullopt;
    if (device_.peers.empty()) return UapiRefusal::outside_peer;
    auto& peer = device_.peers.back();
    const auto number = [&](auto& out) {
        return read_number(value, out) ? std::nullopt : std::optional{UapiRefusal::bad_number};
    };
    if (key == "endpoint") {
        peer.endpoint = parse_endpoint(value, zone_index_);
        return peer.endpoint ? std::nullopt : std::optional{UapiRefusal::bad_endpoint};
    }
    if (key == "allowed_ip") {
        const auto prefix = base::Prefix::parse(value);
        if (!prefix) return UapiRefusal::bad_allowed_ip;
        peer.allowed_ips.push_back(*prefix);
        return std::nullopt;
    }
    if (key == "rx_bytes") return number(peer.rx_bytes);
    if (key == "tx_bytes") return number(peer.tx_bytes);
    if (key == "persistent_keepalive_interval") return number(peer.persistent_keepalive);
    return handshake(value, key == "last_handshake_time_sec");
}

std::optional<UapiRefusal> UapiParser::handshake(std::string_view value, bool is_seconds) {
    constexpr std::uint64_t billion = 1'000'000'000;
    constexpr auto latest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / billion - 1;
    auto& part = is_seconds ? handshake_seconds_ : handshake_nanoseconds_;
    if (!read_number(value, part) || part > (is_seconds ? latest : billion - 1)) return UapiRefusal::bad_number;
    const auto since_epoch = handshake_seconds_ * billion + handshake_nanoseconds_;
    auto& peer = device_.peers.back();
    peer.latest_handshake.reset();  // zero says that there never was one
    if (since_epoch > 0) peer.latest_handshake = base::WallTime{base::Duration{static_cast<std::int64_t>(since_epoch)}};
    return std::nullopt;
}

adjacency::Device UapiParser::take_device() { return std::move(device_); }

base::Result<adjacency::Device, UapiRefusal> parse_uapi(std::string_view answer, ZoneIndex zone_index) {
    UapiParser parser{zone_index};
    if (const auto used = parser.take(answer); !used) return tl::unexpected{used.error()};
    if (!parser.is_done()) return tl::unexpected{UapiRefusal::truncated};
    return parser.take_device();
}

}  // namespace wireguard
