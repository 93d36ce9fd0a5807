// Listens for zebra's FPM stream (`zebra -M dplane_fpm_nl`, `fpm address …`) and hands up its netlink messages. One
// client is served, who is told nothing; a second one is turned away and told of. A port that is taken is told of and
// tried again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"
#include "frr/dataplane_address.hpp"
#include "frr/fpm_codec.hpp"
#include "io/fd_watch.hpp"
#include "io/netlink_message.hpp"
#include "io/timer.hpp"

namespace frr {

class Fpm {
public:
    struct Events {
        std::function<void()> on_open;  // zebra tells everything from here on
        std::function<void(const io::NetlinkMessage&)> on_message;
        std::function<void()> on_settled;   // a slice is over
        std::function<void()> on_replayed;  // it has told everything
        std::function<void()> on_closed;
        std::function<void(const std::string&)> on_note;
    };
    // "127.0.0.1:2620", "[::1]:2620", as config checks it. Events come from the io_context alone.
    Fpm(boost::asio::io_context& context, const std::string& address, Events events);
    Fpm(const Fpm&) = delete;
    Fpm& operator=(const Fpm&) = delete;

    const std::string& client() const { return client_; }    // "": nobody is connected
    const std::string& problem() const { return problem_; }  // "": none
    std::uint64_t messages() const { return messages_; }
    std::size_t most_bytes_a_turn() const { return most_bytes_; }

private:
    static constexpr unsigned nobody_refused = 10;  // seconds without a second client

    void listen();
    void on_pending();
    void on_no_accept(int error);
    void serve(base::UniqueFd fd, std::string peer);
    void refuse(const std::string& peer);
    void on_readable();
    void deliver();
    void close(const std::string& why);
    void on_second();

    boost::asio::io_context& context_;
    std::string address_;
    SocketAddress socket_address_;
    Events events_;
    base::UniqueFd listener_, connection_;  // before their watches, which release them
    std::optional<io::FdWatch> listener_watch_, connection_watch_;
    std::string client_, problem_;
    std::vector<std::byte> buffer_;
    std::size_t filled_ = 0;
    std::uint64_t messages_ = 0;
    std::size_t most_bytes_ = 0;
    std::uint64_t messages_before_ = 0;  // at the last look
    unsigned calm_ = 0;                  // looks in a row that found (next to) nothing new
    unsigned refused_ago_ = nobody_refused;
    bool replaying_ = false;
    io::Timer retry_, second_;
};

}  // namespace frr
