// bfdd's bytes, whole and cut anywhere: whatever is decoded must not depend on how it was cut, and what we send must
// be one whole message.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "frr/dataplane_codec.hpp"
#include "frr/dataplane_sessions.hpp"
#include "frr/vty_codec.hpp"
#include "frr/vty_show.hpp"

namespace {

void check_whole(base::Bytes sent) {
    const auto next = frr::next_message(sent);
    if (!next || !*next || (*next)->length != sent.size()) __builtin_trap();
}

void take(frr::DataplaneSessions& sessions, const frr::Header& header, base::Bytes message) {
    const frr::ConnectionId connection = 1 + header.id % 3U;
    if (const auto session = frr::decode_session(message)) {
        if (header.type == frr::MessageType::delete_session)
            sessions.remove(connection, session->lid);
        else
            sessions.add(connection, *session);
        bfd::Status status;
        status.state = static_cast<bfd::State>(session->detect_mult % 4);
        sessions.tell(session->lid, status);
        const auto owner = sessions.connection_of(session->lid);
        if (const auto state = sessions.compose(owner, session->lid)) {
            if (session->shutdown && state->state != bfd::State::admin_down) __builtin_trap();
            if (state->state == bfd::State::init) __builtin_trap();
            check_whole(frr::encode(*state));
            sessions.sent(*state);
        }
        if (sessions.compose(owner, session->lid)) __builtin_trap();  // told once is told
    }
    if (const auto request = frr::decode_counters_request(message)) check_whole(frr::encode(*request, frr::Counters{}));
    if (const auto stamp = frr::decode_echo(message))
        check_whole(frr::encode_echo(frr::MessageType::echo_request, *stamp));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span{data, size});
    frr::DataplaneSessions sessions;
    for (auto left = input; !left.empty();) {
        const auto next = frr::next_message(left);
        if (!next || !*next) break;
        const std::size_t length = (*next)->length;
        if (length < frr::header_length || length > left.size()) __builtin_trap();
        const auto cut = frr::next_message(left.first(length - 1));
        if (!cut || *cut) __builtin_trap();
        take(sessions, **next, left.first(length));
        left = left.subspan(length);
    }
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    frr::VtyReader whole, pieces;
    const auto reply = whole.feed(text);
    std::optional<frr::VtyReply> pieced;
    for (std::size_t i = 0; i < size && !pieced; ++i) pieced = pieces.feed(text.substr(i, 1));
    if (reply != pieced) __builtin_trap();
    (void)frr::parse_version(text);
    (void)frr::parse_interfaces(text);
    return 0;
}
