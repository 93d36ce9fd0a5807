#include "wireguard/set_peer.hpp"

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>

#include "io/netlink_message.hpp"

namespace wireguard {
namespace {

constexpr std::size_t allowed_ips_a_message = 1'000;  // an attribute holds 64 KiB

class Message {
public:
    Message(std::uint16_t family, const std::string& interface) {
        nlmsghdr header{};
        header.nlmsg_type = family;
        header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        header.nlmsg_seq = 1;
        append(header);
        append(genlmsghdr{WG_CMD_SET_DEVICE, WG_GENL_VERSION, 0});
        put(WGDEVICE_A_IFNAME, std::as_bytes(std::span{interface.c_str(), interface.size() + 1}));
        peers_ = begin(WGDEVICE_A_PEERS);
    }
    std::size_t begin(unsigned type) {
        const auto at = out_.size();
        append(nlattr{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)});
        return at;
    }
    void end(std::size_t at) {
        const auto length = static_cast<std::uint16_t>(out_.size() - at);
        std::memcpy(out_.data() + at + offsetof(nlattr, nla_len), &length, sizeof length);
    }
    void put(unsigned type, base::Bytes value) {
        append(nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), static_cast<std::uint16_t>(type)});
        out_.insert(out_.end(), value.begin(), value.end());
        out_.resize(NLMSG_ALIGN(out_.size()));
    }
    template <class T>
    void put_value(unsigned type, const T& value) {
        put(type, std::as_bytes(std::span{&value, 1}));
    }
    std::size_t begin_peer(const adjacency::Peer& peer, std::uint32_t flags) {
        const auto at = begin(0);
        put(WGPEER_A_PUBLIC_KEY, std::as_bytes(std::span{peer.key.bytes}));
        if (flags != 0) put_value(WGPEER_A_FLAGS, flags);
        return at;
    }
    void put_endpoint(const base::Endpoint& endpoint) {
        if (endpoint.address.is_v4()) {
            sockaddr_in in{};
            in.sin_family = AF_INET;
            in.sin_port = htons(endpoint.port);
            std::memcpy(&in.sin_addr, endpoint.address.bytes.data(), sizeof in.sin_addr);
            return put_value(WGPEER_A_ENDPOINT, in);
        }
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(endpoint.port);
        in.sin6_scope_id = endpoint.scope.value;
        std::memcpy(&in.sin6_addr, endpoint.address.bytes.data(), sizeof in.sin6_addr);
        put_value(WGPEER_A_ENDPOINT, in);
    }
    void put_keepalive(std::uint16_t seconds) { put_value(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, seconds); }
    void put_allowed_ips(std::span<const base::Prefix> all) {
        const auto list = begin(WGPEER_A_ALLOWEDIPS);
        for (const auto& prefix : all) {
            const auto one = begin(0);
            put_value(WGALLOWEDIP_A_FAMILY, static_cast<std::uint16_t>(prefix.address.is_v4() ? AF_INET : AF_INET6));
            put(WGALLOWEDIP_A_IPADDR, prefix.address.data());
            put_value(WGALLOWEDIP_A_CIDR_MASK, prefix.length);
            end(one);
        }
        end(list);
    }
    std::vector<std::byte> take() {
        end(peers_);
        const auto length = static_cast<std::uint32_t>(out_.size());
        std::memcpy(out_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
        return std::move(out_);
    }

private:
    template <class T>
    void append(const T& value) {
        if (out_.capacity() == 0) out_.reserve(std::numeric_limits<std::uint16_t>::max());  // no copy of a key is left
        const auto bytes = std::as_bytes(std::span{&value, 1});
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }
    std::vector<std::byte> out_;
    std::size_t peers_ = 0;
};

// Turned on from off, it sends one at once: off first where it is on, and as it was in the end.
void nudge(Message& out, const adjacency::Peer& peer, bool was_on) {
    const auto set = [&](std::uint16_t seconds) {
        const auto at = out.begin_peer(peer, WGPEER_F_UPDATE_ONLY);
        out.put_keepalive(seconds);
        out.end(at);
    };
    if (was_on) set(0);
    set(std::max<std::uint16_t>(peer.persistent_keepalive, 1));
    if (peer.persistent_keepalive == 0) set(0);
}

void append_prefixes(std::string& out, const adjacency::Peer& peer) {
    for (const auto& prefix : peer.allowed_ips)
        out.append("allowed_ip=")
            .append(to_string(prefix.address))
            .append("/")
            .append(std::to_string(prefix.length))
            .append("\n");
}

void append_keepalive(std::string& out, unsigned seconds) {
    out.append("persistent_keepalive_interval=").append(std::to_string(seconds)).append("\n");
}

void append_nudge(std::string& out, const adjacency::Peer& peer, bool was_on) {
    const auto set = [&](unsigned seconds) {
        out.append("public_key=").append(to_hex(peer.key)).append("\nupdate_only=true\n");
        append_keepalive(out, seconds);
    };
    if (was_on) set(0);
    set(std::max<unsigned>(peer.persistent_keepalive, 1));
    if (peer.persistent_keepalive == 0) set(0);
}

template <class Bytes>
void append_hex(std::string& out, const Bytes& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const auto each : bytes) {
        const auto byte = static_cast<unsigned>(each);
        out += digits[byte >> 4];
        out += digits[byte & 0xf];
    }
}

std::optional<PresharedKey> from_hex(std::string_view text) {
    auto key = adjacency::PublicKey::from_hex(text);  // 32 bytes, like any key
    if (!key) return std::nullopt;
    PresharedKey out;
    std::memcpy(out.data(), key->bytes.data(), out.size());
    ::explicit_bzero(key->bytes.data(), key->bytes.size());
    return out;
}

}  // namespace

std::string to_hex(const adjacency::PublicKey& key) {
    std::string out;
    append_hex(out, key.bytes);
    return out;
}

std::vector<std::byte> compose_keep(std::uint16_t family, const std::string& interface, const adjacency::Peer& peer) {
    Message out{family, interface};
    const auto at = out.begin_peer(peer, WGPEER_F_UPDATE_ONLY);
    out.put_endpoint(*peer.endpoint);
    out.end(at);
    nudge(out, peer, peer.persistent_keepalive != 0);
    return out.take();
}

std::vector<std::vector<std::byte>> compose_fresh(std::uint16_t family, const std::string& interface,
                                                  const adjacency::Peer& peer, const PresharedKey& psk) {
    std::span<const base::Prefix> rest{peer.allowed_ips};
    const auto take_prefixes = [&](Message& out) {
        const auto some = std::min(rest.size(), allowed_ips_a_message);
        if (some > 0) out.put_allowed_ips(rest.first(some));
        rest = rest.subspan(some);
    };
    Message out{family, interface};
    out.end(out.begin_peer(peer, WGPEER_F_REMOVE_ME));
    const auto at = out.begin_peer(peer, 0);
    out.put(WGPEER_A_PRESHARED_KEY, psk);
    if (peer.endpoint) out.put_endpoint(*peer.endpoint);
    take_prefixes(out);
    out.end(at);
    if (peer.endpoint)
        nudge(out, peer, false);
    else if (peer.persistent_keepalive != 0) {
        const auto update = out.begin_peer(peer, WGPEER_F_UPDATE_ONLY);
        out.put_keepalive(peer.persistent_keepalive);
        out.end(update);
    }
    std::vector<std::vector<std::byte>> all;
    all.push_back(out.take());
    while (!rest.empty()) {
        Message more{family, interface};
        const auto update = more.begin_peer(peer, WGPEER_F_UPDATE_ONLY);
        take_prefixes(more);
        more.end(update);
        all.push_back(more.take());
    }
    return all;
}

std::string compose_keep(const adjacency::Peer& peer) {
    std::string out = "set=1\npublic_key=" + to_hex(peer.key) + "\nupdate_only=true\nendpoint=";
    out.append(to_string(*peer.endpoint)).append("\n");
    append_nudge(out, peer, peer.persistent_keepalive != 0);
    return out + "\n";
}

std::string compose_fresh(const adjacency::Peer& peer, const PresharedKey& psk) {
    std::string out;
    out.reserve(1024 + peer.allowed_ips.size() * 64);  // no copy of a key is left
    out.append("set=1\npublic_key=").append(to_hex(peer.key)).append("\nremove=true\n");
    out.append("public_key=").append(to_hex(peer.key)).append("\npreshared_key=");
    append_hex(out, psk);
    out.append("\n");
    if (peer.endpoint) out.append("endpoint=").append(to_string(*peer.endpoint)).append("\n");
    append_prefixes(out, peer);
    if (peer.endpoint)
        append_nudge(out, peer, false);
    else if (peer.persistent_keepalive != 0)
        append_keepalive(out, peer.persistent_keepalive);
    out.append("\n");
    return out;
}

std::optional<PresharedKey> preshared_key(base::Bytes payload, const adjacency::PublicKey& key) {
    if (payload.size() < GENL_HDRLEN) return std::nullopt;
    auto attributes = payload.subspan(GENL_HDRLEN);
    while (const auto a = io::next_attribute(attributes)) {
        if (a->type != WGDEVICE_A_PEERS) continue;
        for (auto list = a->value; const auto entry = io::next_attribute(list);) {
            std::optional<PresharedKey> found;
            bool is_it = false;
            for (auto peer = entry->value; const auto each = io::next_attribute(peer);) {
                if (each->type == WGPEER_A_PUBLIC_KEY)
                    is_it = std::ranges::equal(each->value, std::as_bytes(std::span{key.bytes}));
                if (each->type == WGPEER_A_PRESHARED_KEY) found = io::leading<PresharedKey>(each->value);
            }
            if (is_it && found) return found;
        }
    }
    return std::nullopt;
}

std::optional<PresharedKey> preshared_key(std::string_view answer, const adjacency::PublicKey& key) {
    const auto at = answer.find("public_key=" + to_hex(key) + "\n");
    if (at == std::string_view::npos) return std::nullopt;
    const auto after = answer.substr(answer.find('\n', at) + 1);
    const auto peer = after.substr(0, after.find("public_key="));
    constexpr std::string_view name = "preshared_key=";
    const auto found = peer.starts_with(name) ? 0 : peer.find(std::string{"\n"}.append(name));
    if (found == std::string_view::npos) return PresharedKey{};
    return from_hex(peer.substr(found + (peer.starts_with(name) ? 0 : 1) + name.size(), 64));
}

}  // namespace wireguard
