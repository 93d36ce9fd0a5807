// Any datagram: decoding never reads past the end, encoding gives the same bytes back, and a session that hears the
// packets keeps its promises. The input is a row of datagrams, each with one byte of length and one of time before it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "bfd/session.hpp"

namespace {

using base::TimePoint;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_sent(const bfd::Session& session, const bfd::Packet& sent) {
    require(!(sent.poll && sent.final) && !sent.demand);
    require(sent.your_discriminator == session.status().remote_discriminator);
    require(sent.state == session.state());
    std::array<std::byte, bfd::mandatory_length> bytes{};
    bfd::encode(sent, bytes);
    const auto again = bfd::decode(bytes);
    require(again && *again == sent);
}

void check_codec(base::Bytes datagram, const bfd::Packet& packet) {
    std::array<std::byte, bfd::mandatory_length> bytes{};
    bfd::encode(packet, bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 3) continue;  // Length: what we send has no more than the mandatory section
        require(bytes[i] == datagram[i]);
    }
    require(std::to_integer<unsigned>(bytes[3]) == bfd::mandatory_length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto in = std::as_bytes(std::span{data, size});
    TimePoint now{std::chrono::hours{1}};
    bfd::Session session{{}, bfd::Discriminator{0x11}, static_cast<std::uint32_t>(size), now};
    while (in.size() >= 2) {
        const auto length = std::min<std::size_t>(std::to_integer<std::size_t>(in[0]), in.size() - 2);
        const auto until = now + std::chrono::milliseconds{std::to_integer<unsigned>(in[1])};
        const auto datagram = in.subspan(2, length);
        in = in.subspan(2 + length);
        for (int i = 0; i < 300 && session.deadline() <= until; ++i) {
            now = std::max(now, session.deadline());
            if (const auto out = session.on_deadline(now); out.send) check_sent(session, *out.send);
        }
        require(session.deadline() > until);  // time goes on
        now = until;
        const auto packet = bfd::decode(datagram);
        if (!packet) continue;
        check_codec(datagram, *packet);
        if (const auto out = session.on_packet(now, *packet); out.send) check_sent(session, *out.send);
    }
    return 0;
}
