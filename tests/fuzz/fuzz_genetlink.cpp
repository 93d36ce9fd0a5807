// Anything generic netlink may answer about a WireGuard device.
#include <cstddef>
#include <cstdint>

#include "wireguard/genetlink.hpp"
#include "wireguard/set_peer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto rest = std::as_bytes(std::span{data, size});
    wireguard::DeviceDump dump;
    while (const auto message = io::next_message(rest)) {
        (void)wireguard::family_id(message->payload);
        (void)wireguard::preshared_key(message->payload, {});
        if (dump.take(message->payload)) return 0;
    }
    (void)dump.take_device();
    return 0;
}
