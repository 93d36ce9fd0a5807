#include "wireguard/genetlink.hpp"

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace wireguard {
namespace {

using adjacency::Peer;
using Refused = std::optional<GenetlinkRefusal>;

template <class T>
Refused read_number(base::Bytes value, T& out) {
    const auto number = io::leading<T>(value);
    if (!number || value.size() != sizeof(T)) return GenetlinkRefusal::bad_number;
    out = *number;
    return std::nullopt;
}

Refused read_endpoint(base::Bytes value, Peer& peer) {
    const auto family = io::leading<sa_family_t>(value);
    if (family == AF_INET && value.size() >= sizeof(sockaddr_in)) {
        const auto in = *io::leading<sockaddr_in>(value);
        peer.endpoint = {base::IpAddress::v4(std::as_bytes(std::span{&in.sin_addr, 1}).first<4>()), ntohs(in.sin_port)};
        return std::nullopt;
    }
    if (family == AF_INET6 && value.size() >= sizeof(sockaddr_in6)) {
        const auto in = *io::leading<sockaddr_in6>(value);
        peer.endpoint = {base::IpAddress::v6(std::as_bytes(std::span{&in.sin6_addr, 1}).first<16>()),
                         ntohs(in.sin6_port), base::IfIndex{in.sin6_scope_id}};
        return std::nullopt;
    }
    return GenetlinkRefusal::bad_endpoint;
}

Refused read_handshake(base::Bytes value, Peer& peer) {
    struct {
        std::int64_t seconds, nanoseconds;
    } time{};  // struct __kernel_timespec
    if (const auto refused = read_number(value, time)) return refused;
    constexpr std::int64_t billion = 1'000'000'000;
    constexpr auto latest = std::numeric_limits<std::int64_t>::max() / billion - 1;
    if (time.seconds < 0 || time.seconds > latest || time.nanoseconds < 0 || time.nanoseconds >= billion)
        return GenetlinkRefusal::bad_number;
    if (time.seconds != 0 || time.nanoseconds != 0)  // zero says that there never was one
        peer.latest_handshake = base::WallTime{base::Duration{time.seconds * billion + time.nanoseconds}};
    return std::nullopt;
}

Refused read_allowed_ip(base::Bytes attributes, Peer& peer) {
    std::uint16_t family = 0;
    std::uint8_t length = 0;
    base::Bytes address;
    while (const auto a = io::next_attribute(attributes)) {
        Refused refused;
        if (a->type == WGALLOWEDIP_A_FAMILY) refused = read_number(a->value, family);
        if (a->type == WGALLOWEDIP_A_CIDR_MASK) refused = read_number(a->value, length);
        if (a->type == WGALLOWEDIP_A_IPADDR) address = a->value;
        if (refused) return refused;
    }
    base::Prefix prefix{.address = {}, .length = length};
    if (family == AF_INET && address.size() == 4) prefix.address = base::IpAddress::v4(address.first<4>());
    if (family == AF_INET6 && address.size() == 16) prefix.address = base::IpAddress::v6(address.first<16>());
    if (!prefix.address.is_set() || length > prefix.address.bits()) return GenetlinkRefusal::bad_allowed_ip;
    peer.allowed_ips.push_back(prefix);
    return std::nullopt;
}

Refused read_peer_attribute(const io::NetlinkAttribute& a, Peer& peer, bool& has_key) {
    switch (a.type) {
        case WGPEER_A_PUBLIC_KEY:
            if (a.value.size() != peer.key.bytes.size()) return GenetlinkRefusal::bad_public_key;
            std::ranges::transform(a.value, peer.key.bytes.begin(),
                                   [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
            has_key = true;
            return std::nullopt;
        case WGPEER_A_ENDPOINT: return read_endpoint(a.value, peer);
        case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL: return read_number(a.value, peer.persistent_keepalive);
        case WGPEER_A_LAST_HANDSHAKE_TIME: return read_handshake(a.value, peer);
        case WGPEER_A_RX_BYTES: return read_number(a.value, peer.rx_bytes);
        case WGPEER_A_TX_BYTES: return read_number(a.value, peer.tx_bytes);
        case WGPEER_A_ALLOWEDIPS:
            for (auto list = a.value; const auto entry = io::next_attribute(list);)
                if (const auto refused = read_allowed_ip(entry->value, peer)) return refused;
            return std::nullopt;
        default: return std::nullopt;  // the preshared key, and what newer kernels add
    }
}

}  // namespace

Refused DeviceDump::take(base::Bytes payload) {
    if (payload.size() < GENL_HDRLEN) return GenetlinkRefusal::truncated;
    auto attributes = payload.subspan(GENL_HDRLEN);
    while (const auto a = io::next_attribute(attributes)) {
        Refused refused;
        switch (a->type) {
            case WGDEVICE_A_IFINDEX: refused = read_number(a->value, device_.index.value); break;
            case WGDEVICE_A_IFNAME: device_.interface = io::text_of(a->value); break;
            case WGDEVICE_A_LISTEN_PORT: refused = read_number(a->value, device_.listen_port); break;
            case WGDEVICE_A_PEERS:
                for (auto list = a->value; const auto entry = io::next_attribute(list);)
                    if ((refused = take_peer(entry->value))) break;
                break;
            default: break;  // the private key, and what newer kernels add
        }
        if (refused) return refused;
    }
    return std::nullopt;
}

Refused DeviceDump::take_peer(base::Bytes attributes) {
    Peer peer;
    bool has_key = false;
    while (const auto a = io::next_attribute(attributes))
        if (const auto refused = read_peer_attribute(*a, peer, has_key)) return refused;
    if (!has_key) return GenetlinkRefusal::bad_public_key;
    auto& peers = device_.peers;
    if (!peers.empty() && peers.back().key == peer.key)
        std::ranges::move(peer.allowed_ips, std::back_inserter(peers.back().allowed_ips));
    else
        peers.push_back(std::move(peer));
    return std::nullopt;
}

adjacency::Device DeviceDump::take_device() { return std::move(device_); }

std::optional<std::uint16_t> family_id(base::Bytes payload) {
    if (payload.size() < GENL_HDRLEN) return std::nullopt;
    auto attributes = payload.subspan(GENL_HDRLEN);
    while (const auto a = io::next_attribute(attributes))
        if (a->type == CTRL_ATTR_FAMILY_ID) return io::leading<std::uint16_t>(a->value);
    return std::nullopt;
}

}  // namespace wireguard
