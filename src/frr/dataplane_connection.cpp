#include "frr/dataplane_connection.hpp"

#include <utility>

namespace frr {

namespace {

constexpr unsigned silent_after = 3;       // ticks
constexpr std::size_t most_answers = 256;  // bfdd asks one question at a time: more waiting ones are no bfdd
constexpr unsigned answers_at_most = 32;   // see answer()

}  // namespace

DataplaneConnection::DataplaneConnection(boost::asio::io_context& context, const SocketAddress& address, Events events)
    : events_{std::move(events)}, link_{context, address, link_events()} {}

DataplaneConnection::DataplaneConnection(boost::asio::io_context& context, base::UniqueFd fd,
                                         std::vector<std::byte> rest, std::uint64_t stamp, Events events)
    : events_{std::move(events)}, echo_stamp_{stamp}, link_{context, std::move(fd), std::move(rest), link_events()} {}

DataplaneLink::Events DataplaneConnection::link_events() {
    return {.on_open =
                [this] {
                    open_ = true;
                    if (events_.on_open) events_.on_open(link_.fd());
                    send_waiting();
                },
            .on_message = [this](const Header& header, base::Bytes message) { on_message(header, message); },
            .on_room = [this] { send_waiting(); },
            .on_rest =
                [this](base::Bytes rest) {
                    if (events_.on_rest) events_.on_rest(rest);
                },
            .on_closed =
                [this](int error, std::string why) {
                    open_ = false;
                    events_.on_closed(error, std::move(why));
                }};
}

void DataplaneConnection::announce(std::uint32_t lid) {
    if (waiting_.insert(lid).second) announced_.push_back(lid);
    send_waiting();
}

void DataplaneConnection::ask_echo() {
    echo_wanted_ = true;
    send_waiting();
}

void DataplaneConnection::tick() {
    if (!open_) return;
    ++echo_age_;
    // bfdd drops an answer when its buffer is full; that it spoke since shows that it lives, and one is asked again.
    if (echo_pending_ && heard_since_echo_ && echo_age_ > 1) echo_pending_ = false;
    if (!echo_pending_) ask_echo();
}

bool DataplaneConnection::is_silent() const { return echo_pending_ && !heard_since_echo_ && echo_age_ >= silent_after; }

void DataplaneConnection::on_message(const Header& header, base::Bytes message) {
    heard_since_echo_ = true;
    switch (header.type) {
        case MessageType::add_session:
            if (const auto session = decode_session(message)) {
                ++adds_;
                events_.on_add(*session);
            }
            return;
        case MessageType::delete_session:
            if (const auto session = decode_session(message)) events_.on_delete(session->lid);
            return;
        case MessageType::request_counters:
            if (const auto request = decode_counters_request(message)) answer(*request);
            return;
        case MessageType::echo_reply: return on_echo_reply(message);
        case MessageType::echo_request:
        case MessageType::state_change:
        case MessageType::counters: return;  // ours to send: bfdd never does
    }
    // A type of a later bfdd: skipped by its length.
}

void DataplaneConnection::answer(const CountersRequest& request) {
    if (answers_.size() >= most_answers) {
        link_.close();
        open_ = false;
        return events_.on_closed(0, "bfdd asks for counters and does not read the answers");
    }
    std::vector<std::byte> out;
    // bfdd up to 10.7 only makes room in its 8192-byte buffer after three messages read in one go, and takes a buffer
    // filled by single answers for the end of the connection. Two echo replies, which it ignores, make them three.
    if (++answers_unread_ >= answers_at_most) {
        answers_unread_ = 0;
        const auto ignored = encode_echo(MessageType::echo_reply, 0);
        for (int i = 0; i < 2; ++i) out.insert(out.end(), ignored.begin(), ignored.end());
    }
    // bfdd waits for the answer with everything else at a stand: an unknown session gets zeros.
    const auto bytes = encode(request, events_.counters(request.lid).value_or(Counters{}));
    out.insert(out.end(), bytes.begin(), bytes.end());
    answers_.push_back(std::move(out));
    send_waiting();
}

void DataplaneConnection::on_echo_reply(base::Bytes message) {
    if (!echo_pending_ || decode_echo(message) != echo_stamp_) return;
    echo_pending_ = false;
    events_.on_echo(std::exchange(adds_, 0));
    send_waiting();  // another echo may have been asked for meanwhile
}

void DataplaneConnection::send_waiting() {
    if (!open_) return;
    for (; !answers_.empty(); answers_.pop_front())
        if (!link_.send(answers_.front())) return;
    while (!announced_.empty()) {
        if (const auto message = events_.compose(announced_.front())) {
            if (!link_.send(encode(*message))) return;
            events_.on_sent(*message);
        }
        waiting_.erase(announced_.front());
        announced_.pop_front();
    }
    if (!echo_wanted_ || echo_pending_) return;
    if (!link_.send(encode_echo(MessageType::echo_request, echo_stamp_ + 1))) return;
    ++echo_stamp_;
    echo_wanted_ = false;
    echo_pending_ = true;
    heard_since_echo_ = false;
    echo_age_ = 0;
}

}  // namespace frr
