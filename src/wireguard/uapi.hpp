// The cross-platform userspace protocol's answer to `get=1` (https://www.wireguard.com/xplatform/): text to a device.
// Pure. Keys it does not know are skipped; secret keys are skipped unread: wiping the buffer they stand in is the
// client's part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "adjacency/peer.hpp"
#include "base/result.hpp"

namespace wireguard {

enum class UapiRefusal : std::uint8_t {
    line_too_long,
    not_key_value,
    bad_public_key,
    bad_number,
    bad_endpoint,
    bad_allowed_ip,
    outside_peer,   // a peer's attribute before any public_key
    no_errno,       // the blank line that ends the answer came first
    errno_nonzero,  // the other side says that it failed
    truncated,      // no blank line
};
constexpr std::string_view to_string(UapiRefusal r) {
    switch (r) {
        using enum UapiRefusal;
        case line_too_long: return "a line is too long";
        case not_key_value: return "a line is not key=value";
        case bad_public_key: return "a public key is not 64 hexadecimal digits";
        case bad_number: return "a number is not one, or too large";
        case bad_endpoint: return "an endpoint is not address:port";
        case bad_allowed_ip: return "an allowed-ip is not a prefix";
        case outside_peer: return "a peer's attribute stands before any peer";
        case no_errno: return "the answer ends without errno";
        case errno_nonzero: return "the answer is an error";
        case truncated: return "the answer is cut short";
    }
    return "?";
}

// The index of an interface by its name, 0: there is none. As if_nametoindex(3).
using ZoneIndex = unsigned (*)(const char* name);

// Takes an answer in pieces as they arrive, so that a long one need not be handled in one turn.
class UapiParser {
public:
    static constexpr std::size_t longest_line = 512;  // without its newline; a key's line has 76

    explicit UapiParser(ZoneIndex zone_index = nullptr) : zone_index_{zone_index} {}

    // Reads whole lines off the front and says how many bytes they had; the rest is to come again with more.
    base::Result<std::size_t, UapiRefusal> take(std::string_view text);
    bool is_done() const { return done_; }
    adjacency::Device take_device();  // listen_port and peers; index and name are the caller's to know

private:
    std::optional<UapiRefusal> line(std::string_view text);
    std::optional<UapiRefusal> peer_line(std::string_view key, std::string_view value);
    std::optional<UapiRefusal> handshake(std::string_view value, bool is_seconds);

    ZoneIndex zone_index_;
    adjacency::Device device_;
    std::uint64_t handshake_seconds_ = 0;
    std::uint64_t handshake_nanoseconds_ = 0;
    std::optional<std::uint64_t> errno_;
    bool done_ = false;
};

// "192.0.2.1:51820", "[2001:db8::1]:51820", "[fe80::1%eth0]:51820", "[fe80::1%3]:51820". A name that nobody knows, or
// whose interface has gone, gives no scope.
std::optional<base::Endpoint> parse_endpoint(std::string_view text, ZoneIndex zone_index = nullptr);

// A whole answer at once.
base::Result<adjacency::Device, UapiRefusal> parse_uapi(std::string_view answer, ZoneIndex zone_index = nullptr);

}  // namespace wireguard
