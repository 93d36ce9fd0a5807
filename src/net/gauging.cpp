#include "net/gauging.hpp"

#include <algorithm>
#include <cerrno>

#include "net/packet_info.hpp"
#include "net/socket_address.hpp"

namespace net {

namespace {

constexpr auto share_of_a_turn = std::chrono::microseconds{400};

base::Now read_now() {
    return {steady_now(), std::chrono::time_point_cast<base::Duration>(std::chrono::system_clock::now())};
}

int send(const probe::GaugePacket& packet, int fd) {
    if (fd < 0) return EAFNOSUPPORT;
    SocketAddress destination{packet.key.remote.family, packet.key.remote, packet.port, packet.key.ifindex};
    iovec data{const_cast<std::byte*>(packet.payload.data()), packet.payload.size()};
    msghdr header{};
    header.msg_name = destination.data();
    header.msg_namelen = destination.size();
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    PacketInfo info;
    set_source(header, info, packet.key);
    for (;;) {
        if (::sendmsg(fd, &header, MSG_DONTWAIT) >= 0) return 0;
        if (errno != EINTR) return errno;
    }
}

// Whose answers come in by it.
quality::Method method_of(const Listener& listener) {
    return listener.use == probe::Use::echo_answers ? quality::Method::icmp : quality::Method::stamp;
}

}  // namespace

void Gauging::on_listen(const probe::Listen& listen) {
    // One in a VRF hears alone: that of the default one sends for all, from the same port.
    if (listen.use != probe::Use::bfd && listen.vrf.value == 0) socket_of(listen.use, listen.family) = listen.fd;
}

void Gauging::turn(Listeners& listeners, const ArrivalClock& clock, base::TimePoint woken, base::TimePoint bfd_due) {
    const auto seen = read_all(listeners, clock, woken, std::min(bfd_due, steady_now() + share_of_a_turn));
    for (std::size_t i = 0; i < batch && gauges_.deadline() <= woken; ++i) {
        const auto now = read_now();
        if (now.steady >= bfd_due) break;
        const auto packet = gauges_.next(now, seen);
        if (!packet) break;
        send_and_tell(now.steady, *packet, socket_of(packet->use, packet->key.remote.family));
    }
    counters_.max_turn_us.raise_to(static_cast<std::uint64_t>((steady_now() - woken) / std::chrono::microseconds{1}));
}

// Until when everything that came has been read.
probe::Seen Gauging::read_all(Listeners& listeners, const ArrivalClock& clock, base::TimePoint woken,
                              base::TimePoint end) {
    behind_ = false;
    probe::Seen seen{woken};
    // An answer may have come since the wait ended, and this thread may have slept since.
    const bool judges = gauges_.judges(woken);
    for (auto& listener : listeners.all()) {
        if (!listener.fd || listener.use == probe::Use::bfd) continue;
        const bool is_echo = listener.use == probe::Use::echo_answers;
        if (listener.ready || (judges && is_echo)) read(listener, clock, woken, end);
        if (listener.use == probe::Use::stamp_requests) continue;
        auto& until = seen.of(method_of(listener), listener.family);  // of several, one a VRF, the last one to be empty
        until = std::min(until, listener.empty_at);
    }
    return seen;
}

void Gauging::read(Listener& listener, const ArrivalClock& clock, base::TimePoint woken, base::TimePoint end) {
    do {
        // Empty, or past what had come by then: a flood that goes on is for the next turn.
        if (read_batch(listener, clock) == receiver_.batch() && listener.empty_at < woken) continue;
        listener.ready = false;
        listener.empty_at = woken;
        return;
    } while (steady_now() < end);
    behind_ = true;
}

// How many there were.
std::size_t Gauging::read_batch(Listener& listener, const ArrivalClock& clock) {
    const int n = receiver_.receive(listener.fd.get());
    if (n < 0 && errno != EAGAIN) counters_.receive_errors.add();  // reading it has cleared it
    const auto count = static_cast<std::size_t>(std::max(n, 0));
    for (std::size_t i = 0; i < count; ++i) {
        auto [datagram, stamp, drops] = receiver_.view(i);
        counters_.received.add();
        const auto now = read_now();
        if (drops && *drops != listener.drops) {
            counters_.kernel_drops.add(*drops - listener.drops);
            listener.drops = *drops;
            // A raw IPv6 socket may count what its filter drops; the others count what there was no room for.
            const bool is_echo_v6 = listener.use == probe::Use::echo_answers && listener.family == base::Family::v6;
            if (listener.use != probe::Use::stamp_requests && !is_echo_v6)
                gauges_.on_missed(now.steady, method_of(listener), listener.family);
        }
        datagram.arrival = clock.arrival(stamp, listener.empty_at, now.steady);
        if (const auto answer = gauges_.on_datagram(now, listener.use, datagram))
            send_and_tell(now.steady, *answer, listener.fd.get());
        // They stand in the order of their arrival: one peer's flood keeps nobody else's answers unseen for long.
        if (clock.is_after(stamp, listener.empty_at)) listener.empty_at = std::max(listener.empty_at, datagram.arrival);
    }
    return count;
}

void Gauging::send_and_tell(base::TimePoint now, const probe::GaugePacket& packet, int fd) {
    const int error = send(packet, fd);
    (error == 0 ? counters_.sent : counters_.send_errors).add();
    gauges_.on_sent(now, packet, error);
}

}  // namespace net
