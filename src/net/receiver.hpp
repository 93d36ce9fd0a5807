// Reads datagrams in batches: what the kernel says of each (source, destination, interface, TTL, arrival) beside its
// bytes. Owns the buffers, not the sockets. A longer datagram is cut; for BFD that does no harm: RFC 9764 pads.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

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
    explicit Receiver(std::size_t batch = probe::batch, std::size_t payload = bfd_payload);
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    // As recvmmsg: how many were read (fewer than batch(): it is empty now), or -1 and errno.
    int receive(int fd);
    Received view(std::size_t i) const;  // i < what receive() said
    std::size_t batch() const { return places_.size(); }

private:
    // Any length fits the 8 bits of RFC 5880 §4.1.
    static constexpr std::size_t bfd_payload = 256;
    static constexpr std::size_t control_size = 256;

    struct Place {
        SocketAddress source;
        iovec data{};
        alignas(cmsghdr) std::array<std::byte, control_size> control;
    };
    std::vector<mmsghdr> headers_;
    std::vector<Place> places_;
    std::vector<std::byte> payloads_;
};

}  // namespace net
