// RUN_DIR/control.sock: one JSON object a line asks ({"command": "status"}), one answers ({"ok": true, "result": …} or
// {"ok": false, "error": "…"}). {"command": "events", "follow": true} keeps the connection and sends an object an
// event.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <nlohmann/json.hpp>

#include "base/unique_fd.hpp"

namespace wgbfd {

class ControlSocket {
public:
    // Answers one request; throws std::runtime_error with what to tell the caller.
    using Handler = std::function<nlohmann::json(const nlohmann::json& request)>;

    // Takes a request to answer it later, in JSON: true. Until then its client is not read. False: the handler answers.
    using Reply = std::function<void(std::string result)>;
    using SlowHandler = std::function<bool(const nlohmann::json& request, Reply reply)>;

    // Replaces a socket a dead predecessor left (the caller holds the run directory's lock). Throws system_error.
    // `left`: the listening socket of a worker before, with those who wait for an answer; none: a new one.
    ControlSocket(boost::asio::io_context& context, const std::filesystem::path& path, Handler handler,
                  SlowHandler slow = {}, base::UniqueFd left = {});
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    int fd() { return acceptor_.native_handle(); }
    void publish(const std::string& event);  // in JSON, to those who follow; one that does not read is dropped

private:
    static constexpr std::size_t longest_request = 64UL * 1024;
    static constexpr std::size_t longest_backlog = 1024UL * 1024;  // bytes a client may leave unread

    struct Client {
        explicit Client(boost::asio::local::stream_protocol::socket s) : socket{std::move(s)}, in{longest_request} {}
        boost::asio::local::stream_protocol::socket socket;
        boost::asio::streambuf in;
        std::deque<std::string> out;
        std::size_t backlog = 0;
        std::size_t under_way = 0;                  // reads and writes that Asio still holds: they use `in` and `out`
        bool follows = false, will_follow = false;  // from its answer on
        bool waits = false;                         // for an answer that comes later
        bool closed = false;
    };
    using ClientId = std::uint64_t;

    void bind();
    void accept();
    void read(ClientId id);
    void on_reply(ClientId id, std::string result);
    void on_line(ClientId id, const std::string& line);
    void send(ClientId id, std::string line);
    void write(ClientId id);
    Client* find(ClientId id);                // none once it is closed
    bool finished(ClientId id, bool failed);  // an operation ended; true: and so has the client
    void close(ClientId id);
    void reap(ClientId id);  // forgets a closed client that nothing uses any more

    std::filesystem::path path_;
    Handler handler_;
    SlowHandler slow_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    boost::asio::steady_timer accept_again_;
    std::map<ClientId, std::unique_ptr<Client>> clients_;
    ClientId next_ = 1;
};

}  // namespace wgbfd
