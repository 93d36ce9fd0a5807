// Any datagram on the ports that measure: decoding never reads past the end; a reflected one is exactly as long as its
// request and says what RFC 8762 §4.3 wants; whatever answers come in whatever order, the sender's and the windows'
// figures stay ratios. The input is a row of datagrams, each with one byte of length and one of time before it.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "quality/far_end.hpp"
#include "quality/icmp_echo.hpp"
#include "quality/meter.hpp"
#include "quality/reflector.hpp"
#include "quality/stamp.hpp"
#include "quality/window.hpp"

namespace {

using base::TimePoint;
namespace stamp = quality::stamp;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_reflection(base::Bytes datagram, base::WallTime now) {
    const auto request = stamp::decode_request(datagram);
    require(request.has_value() == stamp::decode_reply(datagram).has_value());
    if (!request) return;
    std::vector<std::byte> out(datagram.size());
    stamp::reflect(datagram, *request, 7, now, now, 9, quality::ReversePath::strict, out);
    const auto reply = stamp::decode_reply(out);
    require(reply && reply->number == 7 && reply->sequence == request->sequence);
    require(reply->request_sent == request->sent && reply->ssid == request->ssid);
    require(reply->sent == reply->received);
    require(reply->far_end == quality::ReversePath::unknown || reply->far_end == quality::ReversePath::strict);
}

// What somebody makes of our question, or asks instead of it.
void check_far_end(base::Bytes datagram) {
    static_cast<void>(quality::far_end::decode_answer(datagram));
    std::vector<std::byte> tlv(quality::far_end::length);
    quality::far_end::encode_question(tlv);
    for (std::size_t i = 0; i < std::min(datagram.size(), tlv.size()); ++i) tlv[i] ^= datagram[i];
    const auto asked = tlv;
    const bool is_ours = quality::far_end::answer(tlv, quality::ReversePath::open);
    require(is_ours ? quality::far_end::decode_answer(tlv) == quality::ReversePath::open : tlv == asked);
}

void check_ratio(const std::optional<double>& ratio) { require(!ratio || (*ratio >= 0 && *ratio <= 1)); }

void check(const quality::Figures& f) {
    require(f.answers <= f.probes && f.rtt_min <= f.rtt_median && f.rtt_median <= f.rtt_p95);
    require(f.forward_sent > 0 || !f.loss.forward);
    require(f.loss.round_trip >= 0 && f.loss.round_trip <= 1);
    check_ratio(f.loss.forward);
    check_ratio(f.loss.backward);
}

// An answer made of fuzz, but near what is under way, so that it hits now and then.
quality::Answer answer_of(base::Bytes in, const quality::Meter& meter, TimePoint now) {
    base::ByteReader reader{in};
    return {.sequence = meter.next_sequence() - reader.read<std::uint8_t>() % 32U,
            .cookie = 1,
            .arrival = now,
            .residence = std::chrono::microseconds{reader.read<std::uint16_t>()},
            .number = reader.read<std::uint8_t>() % 64U + meter.next_sequence() - 32U,
            .outward = std::chrono::nanoseconds{static_cast<std::int64_t>(reader.read<std::uint64_t>() / 2)}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto in = std::as_bytes(std::span{data, size});
    TimePoint now{std::chrono::hours{1}};
    quality::Meter meter{{}, static_cast<std::uint32_t>(size), now};
    quality::Window window{now};
    quality::Reflector reflector;
    while (in.size() >= 2) {
        const auto length = std::min<std::size_t>(std::to_integer<std::size_t>(in[0]), in.size() - 2);
        now += std::chrono::milliseconds{std::to_integer<unsigned>(in[1]) * 4};
        const auto datagram = in.subspan(2, length);
        in = in.subspan(2 + length);
        check_far_end(datagram);
        check_reflection(datagram, base::WallTime{std::chrono::seconds{1'767'225'600}});
        for (const auto family : {base::Family::v4, base::Family::v6}) {
            static_cast<void>(quality::icmp::decode_reply(datagram, family));
            require(quality::icmp::without_v4_header(datagram).size() <= datagram.size());
        }
        static_cast<void>(reflector.admit(now, static_cast<std::uint16_t>(length), {}));
        while (meter.decide(now, now, TimePoint{})) window.add(now, meter.take(now));
        meter.on_sent(now, 1);
        meter.wait(now);
        require(meter.deadline() > now);
        for (int i = 0; i < 3; ++i) static_cast<void>(meter.on_answer(meter.method(), answer_of(datagram, meter, now)));
        const auto quality = window.quality(now);
        check(quality.recent);
        check(quality.lasting);
    }
    return 0;
}
