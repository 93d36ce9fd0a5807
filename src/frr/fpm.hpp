// Listens for zebra's FPM stream (`zebra -M dplane_fpm_nl`, `fpm address …`) and hands up its netlink messages. Whoever
// connects is zebra once it has sent a valid frame, and is dropped when it has not after 5 s. One client is served, who
// is told nothing; a second one is turned away, or waits while the first has yet to prove itself. Who was turned away
// is told of, and so is a port that is taken, which is tried again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "base/unique_fd.hpp"
#include "frr/dataplane_address.hpp"
#include "frr/fpm_codec.hpp"
#include "frr/fpm_telling.hpp"
#include "io/fd_watch.hpp"
#include "io/netlink_message.hpp"
#include "io/timer.hpp"

namespace frr {

class Fpm {
public:
    struct Events {
        std::function<void()> on_open;  // zebra is here, and tells everything from here on
        std::function<void(const io::NetlinkMessage&)> on_message;
        std::function<void()> on_settled;   // a slice is over
        std::function<void()> on_replayed;  // it has told everything
        std::function<void()> on_closed;
        std::function<void(const std::string&)> on_note;
    };
    // "127.0.0.1:2620", "[::1]:2620", as config checks it. Events come from the io_context alone.
    // `second`: what counts as one, for tests.
    Fpm(boost::asio::io_context& context, const std::string& address, Events events,
        base::Duration second = std::chrono::seconds{1});
    Fpm(const Fpm&) = delete;
    Fpm& operator=(const Fpm&) = delete;

    const std::string& client() const { return client_; }  // "": nobody who has proved to be zebra
    const std::string& problem() const { return port_problem_.empty() ? turned_away_ : port_problem_; }  // "": none
    std::uint64_t messages() const { return messages_; }
    std::size_t most_bytes_a_turn() const { return most_bytes_; }

private:
    static constexpr unsigned nobody_refused = 10;  // seconds without anybody who was turned away

    void listen();
    void await_client();
    void on_pending();
    void on_no_accept(int error);
    void serve(base::UniqueFd fd, std::string peer);
    void refuse(const std::string& peer);
    void turn_away(std::string problem, const std::string& note);
    void forget_turned_away();
    void prove();
    void on_readable();
    void deliver();
    void close(const std::string& why);
    void on_second();
    void look();

    boost::asio::io_context& context_;
    std::string address_;
    SocketAddress socket_address_;
    Events events_;
    base::Duration second_is_;
    base::UniqueFd listener_, connection_;  // before their watches, which release them
    std::optional<io::FdWatch> listener_watch_, connection_watch_;
    std::string peer_;    // who is connected
    std::string client_;  // likewise, and it is zebra
    std::string port_problem_, turned_away_;
    std::vector<std::byte> buffer_;
    std::size_t filled_ = 0;
    std::uint64_t messages_ = 0;
    std::size_t most_bytes_ = 0;
    FpmTelling telling_;
    unsigned refused_ago_ = nobody_refused;
    io::Timer retry_, second_;
};

}  // namespace frr
