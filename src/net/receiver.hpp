// Reads datagrams in batches: what the kernel says of each (source, destination, interface, TTL, arrival) beside its
// bytes. Owns the buffers, not the sockets. A datagram longer than any BFD packet is cut: RFC 9764 pads.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "net/socket_address.hpp"
#include "probe/engine.hpp"

namespace net {

struct Received {
    probe::Datagram datagram;  // its arrival is the caller's to say; its payload lives until the next receive()
    std::optional<base::WallTime> stamp;
    std::optional<std::uint32_t> drops;  // of the socket since it was opened, by filter or full buffer
};

class Receiver {
public:
    Receiver();
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    // As recvmmsg: how many were read (fewer than probe::batch: it is empty now), or -1 and errno.
    int receive(int fd);
    Received view(std::size_t i) const;  // i < what receive() said

private:
    // Any length fits the 8 bits of RFC 5880 §4.1.
    static constexpr std::size_t payload_size = 256;
    static constexpr std::size_t control_size = 256;

    struct Place {
        SocketAddress source;
        iovec data{};
        std::array<std::byte, payload_size> payload;
        alignas(cmsghdr) std::array<std::byte, control_size> control;
    };
    std::array<mmsghdr, probe::batch> headers_{};
    std::array<Place, probe::batch> places_;
};

}  // namespace net
