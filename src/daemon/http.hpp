// The metrics over HTTP: GET /metrics, and nothing else. Few clients, small requests, each in its time; who comes when
// there is no room takes the place of who has asked nothing for the longest. A port that is taken is told of and tried
// again. HTTP itself is Boost.Beast's.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

namespace wgbfd {

class Http {
public:
    static constexpr std::size_t most_clients = 16;

    using Page = std::shared_ptr<const std::string>;  // one for all who wait for it
    using Reply = std::function<void(Page page)>;
    struct Events {
        // Makes the page of /metrics: calls `reply` once, now or later.
        std::function<void(Reply reply)> metrics;
        std::function<void(const std::string& note)> on_note;
    };
    // "127.0.0.1:9784", "[::1]:9784", as config checks it.
    Http(boost::asio::io_context& context, const std::string& address, const char* content_type, Events events);
    Http(const Http&) = delete;
    Http& operator=(const Http&) = delete;
    ~Http();  // closes everything; a `reply` that comes later is nobody's

    const std::string& address() const;
    const std::string& problem() const;  // "": none

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with completions Asio still holds when the server dies, as in FdWatch
};

}  // namespace wgbfd
