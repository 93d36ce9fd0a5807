// Anything a UAPI socket may answer, whole and in pieces: both ways must agree.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "io/job.hpp"
#include "wireguard/name_cache.hpp"
#include "wireguard/set_peer.hpp"
#include "wireguard/uapi.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const auto whole = wireguard::parse_uapi(text);
    (void)wireguard::preshared_key(text, {});
    (void)wireguard::parse_looked(text);
    (void)io::decode_request(std::as_bytes(std::span{text}));
    (void)io::decode_report(std::as_bytes(std::span{text}));
    const std::size_t piece = data[0] + std::size_t{1};
    wireguard::UapiParser parser;
    std::string pending;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        pending += text.substr(at, piece);
        const auto used = parser.take(pending);
        if (!used) {
            if (whole || whole.error() != used.error()) std::abort();
            return 0;
        }
        if (*used > pending.size()) std::abort();
        pending.erase(0, *used);
    }
    if (parser.is_done() != whole.has_value()) std::abort();
    if (whole && parser.take_device() != *whole) std::abort();
    return 0;
}
